// What a test asks of the authorization server behind everybody's back: GET
// tells what it has seen, POST does something.
import express from 'express'

export function control({ provider, state }) {
  const app = express()
  let release
  const orders = {
    // The next so many token requests fail, with this status and a page of HTML.
    fail: ({ times, status }) => { state.fail = times; state.status = status ?? 503 },
    // Token requests wait until "release".
    hold: () => { state.hold = new Promise((resolve) => { release = resolve }) },
    release: () => { state.hold = null; release?.() },
    // All grants end, with their refresh and access tokens.
    revoke: () => each((grant) => Promise.all([
      provider.RefreshToken.revokeByGrantId(grant), provider.AccessToken.revokeByGrantId(grant),
      provider.Grant.adapter.destroy(grant),
    ])),
    // Access tokens alone end before their time.
    expire: () => Promise.all(state.tokens.splice(0).map((token) => token.destroy())),
    // Somebody who has stolen a refresh token uses it after its owner has.
    reuse: () => fetch(provider.urlFor('token'), {
      method: 'POST', body: new URLSearchParams({ grant_type: 'refresh_token', ...state.spent[0] }),
    }),
    forget: () => { state.seen = [] },
  }
  const each = (end) => Promise.all([...state.grants].map(end))
  app.get('/', (req, res) => res.json({ seen: state.seen, calls: state.calls ?? 0, secrets: [...state.secrets] }))
  app.post('/:order', express.json(), async (req, res) => {
    await orders[req.params.order](req.body ?? {})
    res.json({})
  })
  return app
}
