// What every client from npm does with the gateway. A script of its own for
// each SDK connects; this module takes the steps and prints what came of them
// as one line of JSON, which the Go test judges. Then it stays connected until
// its input ends: what the SDKs send without waiting shall arrive.
//
// The command line: REVISION http URL, or REVISION stdio COMMAND ARG...

import { once } from 'node:events';

/** Reads the command line. */
export function commandLine() {
  const [revision, transport, target, ...args] = process.argv.slice(2);
  return transport === 'http'
    ? { revision, url: new URL(target) }
    : { revision, stdio: { command: target, args } };
}

/**
 * Takes the steps with a connected client and prints the report. call is
 * callTool(params, options) in the way of that SDK.
 */
export async function takeSteps({ client, call, revision }) {
  const report = { revision };
  const gateway = (name, args, options) =>
    call({ name, arguments: { agent_id: 'agent', ...args } }, options);
  const execute = (tool, args, options) =>
    gateway('execute_tool', { server: 'fake', tool, args }, options);

  report.tools = (await client.listTools()).tools.map((t) => t.name);
  report.servers = (await gateway('list_servers', {})).structuredContent.servers.map((s) => s.name);
  const box = await gateway('get_server_tools', { server: 'fake' });
  report.serverTools = box.structuredContent.tools.map((t) => t.name);
  report.echo = (await execute('echo', { text: 'h\u00e9llo \u2603', list: [1, { two: null }] })).structuredContent;
  Object.assign(report, await cancelAfterProgress(execute));
  // The conversation must have survived that.
  report.refused = (await gateway('execute_tool', { server: 'nowhere', tool: 'echo' })).structuredContent.error.code;

  console.log(JSON.stringify(report));
  await once(process.stdin.resume(), 'end');
  await client.close();
}

// Starts a call that would take more than half an hour, and cancels it when
// three notifications of its progress have come: while it runs none can be lost.
// (The SDKs drop those that arrive together with the result.) The call's id is
// how the test finds in the server's record that the server was told.
async function cancelAfterProgress(execute) {
  const progress = [];
  const stop = new AbortController();
  const onprogress = (p) => {
    if (progress.push(p.progress) === 3) stop.abort('enough');
  };
  try {
    await execute('progress', { n: 100_000, ms: 20, id: 'cancel me' }, { onprogress, signal: stop.signal });
    return { progress, cancelled: false };
  } catch (err) {
    if (!stop.signal.aborted) throw err;
    return { progress, cancelled: true };
  }
}
