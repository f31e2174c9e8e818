// The TypeScript SDK 1.x behind a command that stays while the gateway does not. Each
// line of stdin, ID MS, is a call of the tool "sleep"; each answer is a line of JSON.

import { createInterface } from 'node:readline';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

const [command, ...args] = process.argv.slice(2);
const client = new Client({ name: 'attached1', version: '1' });
await client.connect(new StdioClientTransport({ command, args, env: process.env }));

async function call(id, ms) {
  const answer = await client
    .callTool({ name: 'execute_tool', arguments: { server: 'fake', tool: 'sleep', args: { ms, id } } }, undefined, { timeout: 600_000 })
    .catch((err) => ({ failed: String(err) }));
  console.log(JSON.stringify({ id, failed: answer.failed, error: answer.structuredContent?.error?.code }));
}

console.log(JSON.stringify({ id: 'connected' }));
for await (const line of createInterface({ input: process.stdin })) {
  const [id, ms] = line.split(' ');
  void call(id, Number(ms));
}
await client.close();
