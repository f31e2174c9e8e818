// A server of 2026-07-28 that answers with a task in place of a result: its tool
// "report" if the caller declares the extension for it, "stubborn" whatever the
// caller declares. A task asks for a word, and is done once it has it. See
// docs/adr/0018-e2e-clients.md.

import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { Server } from '@modelcontextprotocol/server';
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio';

const extension = 'io.modelcontextprotocol/tasks';
const now = () => new Date().toISOString();
const said = (text) => ({ content: [{ type: 'text', text }] });
const tasks = new Map();

const begin = () => {
  const task = { taskId: 'task-7', status: 'working', createdAt: now(), lastUpdatedAt: now(), ttlMs: 60_000 };
  tasks.set(task.taskId, task);
  return { resultType: 'task', ...task };
};

const get = (task) => {
  if (task.status === 'working') {
    task.status = 'input_required';
    const requestedSchema = { type: 'object', properties: { word: { type: 'string' } } };
    task.inputRequests = { word: { method: 'elicitation/create', params: { mode: 'form', message: 'Which word?', requestedSchema } } };
  }
  return { resultType: 'complete', ...task };
};

const update = (task, { inputResponses }) => {
  delete task.inputRequests;
  Object.assign(task, { status: 'completed', result: said(`the word is ${inputResponses.word.content.word}`) });
  return { resultType: 'complete' };
};

const cancel = (task) => {
  task.status = 'cancelled';
  return { resultType: 'complete' };
};

// The SDK does not know these methods of the extension in 2026-07-28, so they are
// answered before it sees them.
const methods = { 'tasks/get': get, 'tasks/update': update, 'tasks/cancel': cancel };
const input = new PassThrough();
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (!methods[method]) {
    input.write(`${line}\n`);
    return;
  }
  const task = tasks.get(params.taskId);
  const answer = task ? { result: methods[method](task, params) } : { error: { code: -32602, message: 'there is no such task' } };
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...answer })}\n`);
}).on('close', () => input.end());

serveStdio(() => {
  const server = new Server(
    { name: 'tasks', version: '1' },
    { capabilities: { tools: {}, extensions: { [extension]: {} } } },
  );
  server.setRequestHandler('tools/list', () => ({
    tools: ['report', 'stubborn', 'die'].map((name) => ({ name, inputSchema: { type: 'object' } })),
  }));
  server.setRequestHandler('tools/call', ({ params }, { mcpReq }) => {
    if (params.name === 'die') process.exit(3);
    const declared = mcpReq.envelope?.['io.modelcontextprotocol/clientCapabilities']?.extensions?.[extension];
    return declared || params.name === 'stubborn' ? begin() : said('the report itself');
  });
  return server;
}, { transport: new StdioServerTransport(input) });
