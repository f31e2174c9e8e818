// The server behind the gateway that the conformance suite's tool calls reach:
// see docs/CONFORMANCE.md. It speaks both generations of MCP over stdio. As it is
// slow to start, the gateway asks it in both ways what it speaks: see ADR 0020.

import { Server } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { tools } from './tools.mjs';

await new Promise((resolve) => setTimeout(resolve, 700));

serveStdio(() => {
  const server = new Server({ name: 'conformance', version: '1' }, { capabilities: { tools: {} } });
  server.setRequestHandler('tools/list', () => ({
    tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: 'object' } })),
  }));
  server.setRequestHandler('tools/call', ({ params }, context) => tools[params.name](context));
  return server;
});
