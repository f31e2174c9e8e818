// oidc-provider with its own pages for the person: any name and password sign in,
// then "Continue" or "Cancel".
import express from 'express'
import Provider, { errors } from 'oidc-provider'

export async function authorization(at, options) {
  const provider = new Provider(at.issuer, configuration(at, options))
  const state = watch(provider)
  const app = express()
  app.use(metadataPlaces(options))
  app.use(options.issuerPath || '/', provider.callback())
  return { provider, state, app }
}

const configuration = (at, options) => ({
  clients: options.clients,
  scopes: ['openid', ...options.scopes, ...(options.refresh ? ['offline_access'] : [])],
  pkce: { required: () => true },
  rotateRefreshToken: () => options.rotate,
  issueRefreshToken: (ctx, client, code) =>
    options.refresh && client.grantTypeAllowed('refresh_token') &&
      (code.scopes.has('offline_access') || code.kind === 'DeviceCode'),
  clientDefaults: { id_token_signed_response_alg: 'RS256' },
  // Registered and browser clients may come from any port of this machine.
  cookies: { keys: ['a key of the test'] },
  ttl: {
    AccessToken: options.ttl, AuthorizationCode: 60, ClientCredentials: options.ttl, DeviceCode: 600,
    Grant: 86400, IdToken: 3600, Interaction: 3600, RefreshToken: 86400, Session: 86400,
  },
  features: {
    registration: { enabled: options.registration },
    registrationManagement: { enabled: options.registration },
    revocation: { enabled: true },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: options.device, charset: 'base-20', mask: '****-****' },
    resourceIndicators: {
      enabled: true,
      // A client that names no resource gets tokens for none, which ours refuses.
      getResourceServerInfo: (ctx, resource) => {
        if (resource !== at.resource) throw new errors.InvalidTarget(`no such resource: ${resource}`)
        return {
          scope: options.scopes.join(' '), audience: resource,
          accessTokenFormat: 'opaque', accessTokenTTL: options.ttl,
        }
      },
      useGrantedResource: () => true,
    },
  },
})

// metadataPlaces serves the metadata of an issuer with a path at one of the
// places where the standards have them, and nowhere else.
function metadataPlaces({ issuerPath, metadata }) {
  const place = {
    oauth: `/.well-known/oauth-authorization-server${issuerPath}`,
    openid: `/.well-known/openid-configuration${issuerPath}`,
    appended: `${issuerPath}/.well-known/openid-configuration`,
  }[metadata]
  return (req, res, next) => {
    if (!req.path.includes('/.well-known/')) return next()
    if (req.path !== place) return res.status(404).json({ error: 'not here' })
    const name = metadata === 'oauth' ? 'oauth-authorization-server' : 'openid-configuration'
    req.url = req.originalUrl = `${issuerPath}/.well-known/${name}`
    return next()
  }
}

// watch remembers what was asked and lets a test get in its way.
function watch(provider) {
  const state = { seen: [], grants: new Set(), tokens: [], spent: [], secrets: new Set(), fail: 0, status: 503, hold: null }
  provider.use(async (ctx, next) => {
    const token = ctx.method === 'POST' && ctx.path.endsWith('/token')
    if (token && state.fail > 0) {
      state.fail--
      state.seen.push({ route: 'token', failed: state.status })
      ctx.status = state.status
      ctx.type = 'html'
      ctx.body = '<h1>Something went wrong</h1>'
      return
    }
    if (token && state.hold) {
      state.seen.push({ route: 'token', held: true })
      await state.hold
    }
    await next()
    remember(state, ctx)
    keepSecrets(state.secrets, ctx)
  })
  provider.on('grant.success', (ctx) => {
    const { Grant, AccessToken, ClientCredentials } = ctx.oidc.entities
    if (Grant) state.grants.add(Grant.jti)
    state.tokens.push(AccessToken ?? ClientCredentials)
    const { refresh_token } = ctx.oidc.params
    if (refresh_token) state.spent.push({ refresh_token, client_id: ctx.oidc.client.clientId })
  })
  return state
}

function remember(state, ctx) {
  const route = ctx.oidc?.route
  if (!route) return
  const p = ctx.oidc.params ?? {}
  state.seen.push({
    route, status: ctx.status, grant: p.grant_type, resource: p.resource, scope: p.scope,
    prompt: p.prompt, client: ctx.oidc.client?.clientId, error: ctx.body?.error,
    hint: p.token_type_hint, application: ctx.oidc.entities?.Client?.applicationType,
  })
}

// keepSecrets remembers what nobody may ever read in a log.
function keepSecrets(secrets, { oidc, body, response }) {
  const sent = oidc?.params ?? {}
  const keep = [
    sent.code, sent.code_verifier, sent.refresh_token, sent.client_secret, sent.token, sent.device_code,
    body?.access_token, body?.refresh_token, body?.id_token, body?.client_secret, body?.device_code,
    body?.registration_access_token, new URL(response.get('location') || '/', 'http://here').searchParams.get('code'),
  ]
  for (const secret of keep) if (secret) secrets.add(secret)
}
