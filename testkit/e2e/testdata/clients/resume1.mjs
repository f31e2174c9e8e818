// The TypeScript SDK 1.x calls a tool that takes a while at the url that it is given,
// and prints its result and the steps that it heard of as one line of JSON.

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const client = new Client({ name: 'resume1', version: '1' });
await client.connect(new StreamableHTTPClientTransport(new URL(process.argv[2])));
const heard = [];
const result = await client.callTool(
  { name: 'trigger-long-running-operation', arguments: { duration: 3, steps: 3 } },
  undefined,
  { onprogress: (p) => heard.push(p.progress), timeout: 60_000 },
);
console.log(JSON.stringify({ text: result.content[0].text, heard }));
await client.close();
