// What a test can ask for.
export const withDefaults = (given) => ({
  // Where a client learns of the authorization server:
  // challenge  resource_metadata in WWW-Authenticate, at a place of its own
  // path       /.well-known/oauth-protected-resource/mcp; the challenge does not name it
  // root       /.well-known/oauth-protected-resource
  // bare       as path, but the 401 has no WWW-Authenticate at all
  // origin     nowhere: the authorization server is the resource server's origin
  discovery: 'challenge',
  // Where the authorization server's own metadata are, with an issuerPath:
  // oauth, openid (inserted before it), or appended (OpenID only).
  metadata: 'oauth',
  issuerPath: '', // "/tenant"
  late: false, // 401 at tools/call only
  registration: true, // clients may register themselves
  clients: [], // those that are registered already
  ttl: 3600, // of an access token, in seconds
  rotate: true, // a refresh token is good for one use; a second one ends the grant
  refresh: true, // offline_access, and refresh tokens
  device: true, // the device grant
  scopes: ['notes:read', 'notes:write'], // read is needed for all, write for the tool "write"
  clock: 0, // seconds that the servers' clock is ahead
  ...given,
})
