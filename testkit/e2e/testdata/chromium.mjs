// Unpacks the Chromium that the package @sparticuz/chromium brings (one for
// Linux on x64) into the folder chromium beside this file, and tries it. Where
// that one does not run, the tests look for the system's own.
import { spawnSync } from 'node:child_process'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { createBrotliDecompress } from 'node:zlib'
import { extract } from 'tar-fs'

const here = fileURLToPath(new URL('.', import.meta.url))
const from = join(here, 'node_modules', '@sparticuz', 'chromium')
const to = join(here, 'chromium')
const unready = `${to}.unready`

const unpack = (name, sink) => pipeline(createReadStream(join(from, 'bin', name)), createBrotliDecompress(), sink)

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.log('make e2e: no Chromium is pinned for this system; tests of pages need one on PATH')
  process.exit(0)
}
await rm(unready, { recursive: true, force: true })
await rm(to, { recursive: true, force: true })
await mkdir(unready, { recursive: true })
await Promise.all([
  unpack('chromium.br', createWriteStream(join(unready, 'chromium'), { mode: 0o755 })),
  unpack('fonts.tar.br', extract(unready)),
  unpack('swiftshader.tar.br', extract(unready)),
  unpack('al2023.tar.br', extract(unready)), // Libraries that few servers have.
])
await writeFile(join(unready, 'fonts.conf'), `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${join(to, 'fonts')}</dir><cachedir>${join(to, 'cache')}</cachedir></fontconfig>
`)
const tried = spawnSync(join(unready, 'chromium'), ['--no-sandbox', '--version'],
  { env: { ...process.env, LD_LIBRARY_PATH: join(unready, 'lib') }, encoding: 'utf8', timeout: 60_000 })
if (tried.status !== 0) {
  console.log(`make e2e: the pinned Chromium does not run here; tests of pages need one on PATH: ${tried.error ?? tried.stderr}`)
  await rm(unready, { recursive: true, force: true })
  process.exit(0)
}
const { version } = JSON.parse(await readFile(join(from, 'package.json'), 'utf8'))
await writeFile(join(unready, '.installed'), `${version}\n`)
await rename(unready, to)
