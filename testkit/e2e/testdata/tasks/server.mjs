// A server of 2026-07-28 that answers with a task in place of a result: its tool
// "report" if the caller declares the extension for it, "stubborn" whatever the
// caller declares. See docs/adr/0018-e2e-clients.md.

import { Server } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';

const extension = 'io.modelcontextprotocol/tasks';
const now = () => new Date().toISOString();
const task = () => ({
  resultType: 'task', taskId: 'task-7', status: 'working', createdAt: now(), lastUpdatedAt: now(), ttlMs: 60_000,
});
const said = (text) => ({ content: [{ type: 'text', text }] });

serveStdio(() => {
  const server = new Server(
    { name: 'tasks', version: '1' },
    { capabilities: { tools: {}, extensions: { [extension]: {} } } },
  );
  server.setRequestHandler('tools/list', () => ({
    tools: ['report', 'stubborn'].map((name) => ({ name, inputSchema: { type: 'object' } })),
  }));
  server.setRequestHandler('tools/call', ({ params }, { mcpReq }) => {
    const declared = mcpReq.envelope?.['io.modelcontextprotocol/clientCapabilities']?.extensions?.[extension];
    return declared || params.name === 'stubborn' ? task() : said('the report itself');
  });
  return server;
});
