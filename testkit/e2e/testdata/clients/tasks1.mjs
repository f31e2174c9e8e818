// The TypeScript SDK 1.x follows a task of 2025-11-25 at the url that it is given,
// lists its tasks, and cancels one. It prints what it heard as one line of JSON.

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const client = new Client({ name: 'tasks1', version: '1' });
await client.connect(new StreamableHTTPClientTransport(new URL(process.argv[2])));
await client.listTools();
const { tasks } = client.experimental;
const heard = { states: [], listed: [] };
for await (const m of tasks.callToolStream({ name: 'simulate-research-query', arguments: { topic: 'gates' } })) {
  if (m.type === 'taskCreated') heard.id = m.task.taskId;
  if (m.type === 'taskStatus') heard.states.push(m.task.status);
  if (m.type === 'result') heard.text = m.result.content[0].text;
  if (m.type === 'error') heard.error = m.error.message;
}
heard.listed = (await tasks.listTasks()).tasks.map((t) => t.taskId);
for await (const m of tasks.callToolStream({ name: 'simulate-research-query', arguments: { topic: 'walls' } })) {
  if (m.type !== 'taskCreated') continue;
  heard.cancelled = (await tasks.cancelTask(m.task.taskId)).status;
  break;
}
console.log(JSON.stringify(heard));
await client.close();
