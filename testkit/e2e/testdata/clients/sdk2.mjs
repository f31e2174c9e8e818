// The TypeScript SDK 2.x. REVISION is one to pin, or "auto" to let it probe.

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { commandLine, takeSteps } from './steps.mjs';

const { revision, url, stdio } = commandLine();
const modes = { auto: 'auto', '2025-11-25': 'legacy', '2026-07-28': { pin: '2026-07-28' } };

const client = new Client({ name: 'sdk2', version: '1' }, { versionNegotiation: { mode: modes[revision] } });
await client.connect(url ? new StreamableHTTPClientTransport(url) : new StdioClientTransport(stdio));
await takeSteps({
  client,
  revision: client.getNegotiatedProtocolVersion(),
  call: (params, options) => client.callTool(params, options),
});
