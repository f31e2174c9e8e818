package resolve

// Fingerprint is the fingerprint of a spec.
var Fingerprint = specFingerprint

// PathSecrets lets the tests see what of a url's path is taken for a key.
var PathSecrets = pathSecrets
