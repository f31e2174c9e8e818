// The resource server: the SDK's streamable HTTP with sessions, each request
// checked by the SDK's own middleware.
import { randomUUID } from 'node:crypto'
import express from 'express'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js'

export function resource(at, options, server) {
  const app = express()
  const metadata = metadataPath(options.discovery)
  if (metadata) {
    app.get(metadata, (req, res) => {
      server.state.seen.push({ route: 'resource_metadata' })
      res.json({ resource: at.resource, authorization_servers: [at.issuer], scopes_supported: [options.scopes[0]] })
    })
  }
  app.use('/mcp', express.json(), guard(at, options, server), sessions(server.state))
  return app
}

const metadataPath = (discovery) => ({
  challenge: '/about/this/resource',
  path: '/.well-known/oauth-protected-resource/mcp',
  bare: '/.well-known/oauth-protected-resource/mcp',
  root: '/.well-known/oauth-protected-resource',
})[discovery]

// guard lets in what has a token for this resource with the scopes that it needs.
function guard(at, { discovery, scopes, late }, { provider, state }) {
  const verifier = {
    async verifyAccessToken(token) {
      const found = await provider.AccessToken.find(token) ?? await provider.ClientCredentials.find(token)
      if (!found?.isValid) throw new InvalidTokenError('No such token')
      return {
        token, clientId: found.clientId, scopes: (found.scope ?? '').split(' '), extra: { account: found.accountId },
        expiresAt: found.exp ?? found.iat + found.expiration,
        resource: found.aud ? new URL(found.aud) : undefined,
      }
    },
  }
  const bearer = (requiredScopes) => requireBearerAuth({
    verifier, requiredScopes,
    // Who names no resource in its metadata has old clients, which name none either.
    expectedResource: discovery === 'origin' ? undefined : new URL(at.resource),
    resourceMetadataUrl: discovery === 'challenge' ? `${at.origin}/about/this/resource` : undefined,
  })
  return (req, res, next) => {
    const method = req.body?.method
    if (late && method !== 'tools/call' && !req.headers.authorization) return next()
    res.on('finish', () => { if (res.statusCode === 401 || res.statusCode === 403) state.seen.push({ route: 'refused', status: res.statusCode, method }) })
    if (discovery === 'bare') dropChallenge(res)
    return bearer(method === 'tools/call' && req.body.params.name === 'write' ? scopes : scopes.slice(0, 1))(req, res, next)
  }
}

// dropChallenge has a response go out without its WWW-Authenticate.
function dropChallenge(res) {
  const set = res.set.bind(res)
  res.set = (name, ...value) => (name === 'WWW-Authenticate' ? res : set(name, ...value))
}

function sessions(state) {
  const open = new Map()
  return async (req, res) => {
    let transport = open.get(req.headers['mcp-session-id'])
    if (!transport && req.method === 'POST' && isInitializeRequest(req.body)) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => open.set(id, transport),
      })
      transport.onclose = () => open.delete(transport.sessionId)
      await tools(state).connect(transport)
    }
    if (!transport) return res.status(404).json({ jsonrpc: '2.0', id: null, error: { code: -32001, message: 'Session not found' } })
    await transport.handleRequest(req, res, req.body)
  }
}

function tools(state) {
  const server = new McpServer({ name: 'notes', version: '1' })
  const text = (text) => ({ content: [{ type: 'text', text }] })
  server.registerTool('whoami', { description: 'Says whose token came' }, ({ authInfo }) => {
    state.calls = (state.calls ?? 0) + 1
    return text(JSON.stringify({ account: authInfo?.extra?.account, client: authInfo?.clientId, scopes: authInfo?.scopes }))
  })
  server.registerTool('write', { description: 'Needs a scope more' }, () => text('written'))
  return server
}
