// The client that the conformance suite's scenarios of authorization judge: the
// gateway, with a person who logs in where it asks for that. It lists the tools
// of the suite's server and calls one. GATEHOUSE names the gateway's program,
// TURNS the port at which a client waits for its turn: the suite starts all at once.
import { spawn, spawnSync } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const self = fileURLToPath(import.meta.url)

// As the person's browser: the suite's authorization server asks nothing, so
// following redirects is all there is to do.
if (process.argv[2] === '--open') {
  await fetch(process.argv[3])
  process.exit(0)
}

const { MCP_CONFORMANCE_SCENARIO: scenario = '', MCP_CONFORMANCE_CONTEXT: given, GATEHOUSE: program, TURNS } = process.env
const url = process.argv[2]
if (!scenario.startsWith('auth/')) process.exit(0) // The gateway's other side is judged elsewhere.

const turn = connect(Number(TURNS), '127.0.0.1') // Ends with this process, and so does the turn.
await new Promise((resolve) => turn.once('data', resolve))

const { client_id, client_secret } = JSON.parse(given ?? '{}')
// One scenario takes its server away at the end: a call need not wait for long.
const entry = { url, gateway: { restart_wait_ms: 10_000 } }
if (client_id) entry.gateway.auth = { client_id, client_secret }
if (scenario === 'auth/basic-cimd') {
  entry.gateway.auth = { client_metadata_url: 'https://conformance-test.local/client-metadata.json' }
}

const home = await mkdtemp(join(tmpdir(), 'conformance-'))
const files = {
  '.mcp.json': JSON.stringify({ mcpServers: { conformance: entry } }),
  '.mcp-gateway-rules.json': JSON.stringify({ agents: { agent: { allow: { servers: ['*'] } } } }),
  'xdg-open': `#!/bin/sh\nexec '${process.execPath}' '${self}' --open "$1"\n`,
}
for (const [name, text] of Object.entries(files)) await writeFile(join(home, name), text, { mode: 0o600 })
await chmod(join(home, 'xdg-open'), 0o700)
const env = {
  HOME: home, GATEHOUSE_HOME: home, XDG_STATE_HOME: join(home, 'state'), XDG_CONFIG_HOME: join(home, 'config'),
  GATEWAY_MCP_CONFIG: join(home, '.mcp.json'), GATEWAY_RULES: join(home, '.mcp-gateway-rules.json'), DISPLAY: ':1', PATH: home + delimiter + process.env.PATH,
}

function gatehouse(...args) {
  const { status, stdout, stderr } = spawnSync(program, args, { env, cwd: home, encoding: 'utf8' })
  console.log(`gatehouse ${args.join(' ')}: ${status}\n${stdout}${stderr}`)
  return { ok: status === 0, text: stdout + stderr, stdout }
}

const gateway = spawn(program, ['run', '--transport', 'http', '--http', '127.0.0.1:0', '--agent', 'agent', '--log-format', 'json'],
  { env, cwd: home, stdio: ['ignore', 'ignore', 'pipe'] })
const log = createInterface({ input: gateway.stderr })
await new Promise((resolve, reject) => {
  log.on('line', (line) => { console.log(line); if (line.includes('gateway ready')) resolve() })
  log.on('close', () => reject(new Error('the gateway has ended')))
})

let ended = 1
for (let logins = 0; ; logins++) {
  const done = await served()
  if (done.ok) ended = 0
  if (done.ok || !done.text.includes('gatehouse login') || logins === 5) break
  if (!gatehouse('login', 'conformance').ok) break
}
gateway.kill('SIGTERM')
await new Promise((resolve) => gateway.on('exit', resolve))
await rm(home, { recursive: true, force: true })
process.exit(ended)

// served is use, again as long as the server still starts: on a busy machine that takes
// longer than a call waits.
async function served() {
  for (let tries = 1; ; tries++) {
    const done = use()
    if (tries === 10 || !/ is (re)?starting/.test(done.text) || !await listens()) return done
  }
}

// listens reports whether somebody listens where the suite's server does, or did.
function listens() {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const connection = connect(Number(port), hostname)
    connection.on('connect', () => { connection.destroy(); resolve(true) })
    connection.on('error', () => resolve(false))
  })
}

// use lists the tools and calls the first of them.
function use() {
  const listed = gatehouse('tools', 'conformance', '--json')
  if (!listed.ok) return listed
  const name = /"name": *"([^"]+)"/.exec(listed.stdout)?.[1]
  return gatehouse('call', 'conformance', name ?? 'test-tool', '{}', '--agent', 'agent')
}
