// The TypeScript SDK 1.x, which speaks 2025-11-25 at most.

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { commandLine, takeSteps } from './steps.mjs';

const { url, stdio } = commandLine();
const transport = url ? new StreamableHTTPClientTransport(url) : new StdioClientTransport(stdio);

// The SDK tells nobody but its transport what was negotiated.
let revision;
const told = transport.setProtocolVersion?.bind(transport);
transport.setProtocolVersion = (v) => {
  revision = v;
  told?.(v);
};

const client = new Client({ name: 'sdk1', version: '1' });
await client.connect(transport);
await takeSteps({
  client,
  revision,
  call: (params, options) => client.callTool(params, undefined, options),
});
