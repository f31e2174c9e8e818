// The tools that the conformance suite asks a server under test to have, as far
// as they can be reached through a gateway. Each gets the request's context of
// the SDK and gives a result.

import { inputRequired } from '@modelcontextprotocol/server';

const text = (s) => ({ type: 'text', text: s });
const said = (s) => ({ content: [text(s)] });
const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const image = { type: 'image', data: png, mimeType: 'image/png' };
const resource = (uri, mimeType, content) => ({ type: 'resource', resource: { uri, mimeType, text: content } });

const contents = {
  test_simple_text: () => said('This is a simple text response for testing.'),
  test_image_content: () => ({ content: [image] }),
  test_audio_content: () => ({ content: [{ type: 'audio', data: 'UklGRiQAAABXQVZF', mimeType: 'audio/wav' }] }),
  test_embedded_resource: () => ({
    content: [resource('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')],
  }),
  test_multiple_content_types: () => ({
    content: [
      text('Multiple content types test:'),
      image,
      resource('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
    ],
  }),
  test_error_handling: () => ({ isError: true, ...said('This tool intentionally returns an error for testing') }),
  test_tool_with_progress: async ({ mcpReq }) => {
    const { progressToken } = mcpReq._meta;
    for (const progress of [0, 50, 100]) {
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
    }
    return said('done');
  },
};

// What servers of 2026-07-28 may ask back.

const form = (message, key, type = 'string') =>
  inputRequired.elicit({
    message,
    requestedSchema: { type: 'object', properties: { [key]: { type } }, required: [key] },
  });
const sample = (prompt) =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: text(prompt) }], maxTokens: 100 });

/** Makes a tool that asks these until it has all the answers. */
const asks = (inputRequests, requestState) => ({ mcpReq }) => {
  const missing = Object.keys(inputRequests).filter((key) => !mcpReq.inputResponses?.[key]);
  return missing.length > 0 ? inputRequired({ inputRequests, requestState }) : said('Thank you.');
};

const questions = {
  test_input_required_result_elicitation: asks({ user_name: form('What is your name?', 'name') }),
  test_input_required_result_sampling: asks({ capital_question: sample('What is the capital of France?') }),
  test_input_required_result_list_roots: asks({ client_roots: inputRequired.listRoots() }),
  test_input_required_result_multiple_inputs: asks(
    {
      user_name: form('What is your name?', 'name'),
      greeting: sample('Generate a greeting'),
      client_roots: inputRequired.listRoots(),
    },
    'three questions',
  ),
  test_input_required_result_request_state: ({ mcpReq }) =>
    mcpReq.requestState() === 'confirming' && mcpReq.inputResponses?.confirm
      ? said('state-ok')
      : inputRequired({
          inputRequests: { confirm: form('Please confirm', 'ok', 'boolean') },
          requestState: 'confirming',
        }),
  test_input_required_result_multi_round: ({ mcpReq }) => {
    const { step1, step2 } = mcpReq.inputResponses ?? {};
    if (step2 && mcpReq.requestState() === 'step 2') return said('Thank you.');
    return step1 && mcpReq.requestState() === 'step 1'
      ? inputRequired({ inputRequests: { step2: form('What is your favorite color?', 'color') }, requestState: 'step 2' })
      : inputRequired({ inputRequests: { step1: form('What is your name?', 'name') }, requestState: 'step 1' });
  },
  test_input_required_result_capabilities: ({ mcpReq }) => {
    const can = mcpReq.envelope?.['io.modelcontextprotocol/clientCapabilities'] ?? {};
    return inputRequired({
      inputRequests: {
        ...(can.elicitation && { user_name: form('What is your name?', 'name') }),
        ...(can.sampling && { greeting: sample('Generate a greeting') }),
      },
    });
  },
};

export const tools = { ...contents, ...questions };
