// An authorization server (oidc-provider, certified) and a resource server (the
// TypeScript SDK's own, behind its own bearer middleware), for tests of logins.
// Its argument is what they do otherwise than usual, as JSON: see options.mjs.
// One line on stdout says where they are; they end with their stdin.
import express from 'express'
import { authorization } from './authorization.mjs'
import { control } from './control.mjs'
import { withDefaults } from './options.mjs'
import { resource } from './resource.mjs'

const options = withDefaults(JSON.parse(process.argv[2] ?? '{}'))

// Another clock than ours, by so many seconds.
const now = Date.now
Date.now = () => now() + options.clock * 1000

const listen = (app) => new Promise((resolve) => {
  const server = app.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`))
})

const front = express() // the resource server's origin
const back = express() // the authorization server's, if it has one of its own
const own = await listen(front)
const issuerOrigin = options.discovery === 'origin' ? own : await listen(back)

const at = { resource: `${own}/mcp`, origin: own, issuer: issuerOrigin + options.issuerPath, issuerOrigin }
const server = await authorization(at, options)
if (options.discovery !== 'origin') back.use(server.app)
front.use(resource(at, options, server))
if (options.discovery === 'origin') front.use(server.app)

const desk = await listen(control(server))
console.log(JSON.stringify({ resource: at.resource, issuer: at.issuer, control: desk }))

process.stdin.on('end', () => process.exit(0)).resume()
