// Drives Chromium for Go tests: one JSON object a line on stdin, one answer a
// line on stdout, in the order in which they are done. Arguments: the folder of
// node_modules, Chromium's program, options as JSON. It ends with its stdin.
import { createInterface } from 'node:readline'
import { readFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'

const [modules, executablePath, text] = process.argv.slice(2)
const options = JSON.parse(text)
const { chromium } = await import(pathToFileURL(join(modules, 'playwright-core', 'index.mjs')))

const browser = await chromium.launch({
  executablePath,
  // Nothing but pages of the test is opened, often by root, who gets no sandbox.
  // They find nothing outside of this machine.
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE [::1]'],
})
const context = await browser.newContext({
  viewport: { width: options.width, height: options.height },
  colorScheme: options.dark ? 'dark' : 'light',
  hasTouch: options.phone, isMobile: options.phone,
  reducedMotion: 'reduce', acceptDownloads: true, locale: 'en-GB', timezoneId: 'UTC',
})
context.setDefaultTimeout(options.patience)

const pages = new Map()

// watch remembers what a person with the developer tools open would see.
function watch(page) {
  const seen = { complaints: [], requests: [] }
  page.on('console', (m) => { if (['error', 'warning'].includes(m.type())) seen.complaints.push(m.text()) })
  page.on('pageerror', (e) => seen.complaints.push(String(e)))
  page.on('crash', () => seen.complaints.push('the page has crashed'))
  page.on('request', (r) => seen.requests.push(`${r.method()} ${r.url()}`))
  page.on('dialog', (d) => { seen.dialog = d.message(); return seen.dismiss ? d.dismiss() : d.accept() })
  pages.set(pages.size + 1, { page, seen })
  return pages.size
}

// The page's own content security policy must not keep axe out, so it comes by
// the debugger and not as a script element.
async function axe(page) {
  const source = await readFile(join(modules, 'axe-core', 'axe.min.js'), 'utf8')
  const session = await context.newCDPSession(page)
  await session.send('Runtime.evaluate', { expression: source })
  const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
    expression: 'axe.run(document, { resultTypes: ["violations"] }).then((r) => JSON.stringify(r.violations))',
    awaitPromise: true,
  })
  await session.detach()
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
  return JSON.parse(result.value).map((v) => ({
    id: v.id, help: v.help, impact: v.impact, nodes: v.nodes.map((n) => n.html),
  }))
}

const own = {
  open: async () => watch(await context.newPage()),
  axe: ({ page }) => axe(page),
  shot: async ({ page }, whole) => (await page.screenshot({ fullPage: whole })).toString('base64'),
  seen: ({ seen }) => seen,
  dismiss: ({ seen }, dismiss) => { seen.dismiss = dismiss },
  press: ({ page }, key) => page.keyboard.press(key),
  wait: ({ page }, selector, words) => page.locator(selector).filter({ hasText: words }).first().waitFor(),
  gone: ({ page }, selector) => page.locator(selector).first().waitFor({ state: 'hidden' }),
  texts: ({ page }, selector) => page.locator(selector).allInnerTexts(),
  resize: ({ page }, width, height) => page.setViewportSize({ width, height }),
  scheme: ({ page }, colorScheme) => page.emulateMedia({ colorScheme }),
  download: async ({ page }, selector) => {
    const [file] = await Promise.all([page.waitForEvent('download'), page.click(selector)])
    return { name: file.suggestedFilename(), content: (await readFile(await file.path())).toString('base64') }
  },
}

async function obey({ call, page: number, args }) {
  const at = pages.get(number)
  if (own[call]) return own[call](at, ...args)
  const result = await at.page[call](...args)
  return ['goto', 'reload', 'goBack'].includes(call) ? result?.status() ?? 0 : result
}

const say = (line) => process.stdout.write(JSON.stringify(line) + '\n')

say({ result: browser.version() })
for await (const line of createInterface({ input: process.stdin })) {
  try {
    say({ result: (await obey(JSON.parse(line))) ?? null })
  } catch (e) {
    say({ error: String(e?.message ?? e).replace(/\u001b\[[0-9;]*m/g, '') })
  }
}
await browser.close()
