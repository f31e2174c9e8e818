package resolve

// Fingerprint is the fingerprint of a spec.
var Fingerprint = specFingerprint
