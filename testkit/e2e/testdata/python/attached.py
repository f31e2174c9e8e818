"""The Python SDK behind a command that stays while the gateway does not. Each line
of stdin, ID MS, is a call of the tool "sleep"; each answer is a line of JSON."""

import asyncio
import json
import os
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def call(session, id, ms):
    args = {"server": "fake", "tool": "sleep", "args": {"ms": ms, "id": id}}
    said = {"id": id}
    try:
        answer = await session.call_tool("execute_tool", args)
        content = getattr(answer, "structuredContent", None) or getattr(answer, "structured_content", None) or {}
        said["error"] = content.get("error", {}).get("code")
    except Exception as err:
        said["failed"] = repr(err)
    print(json.dumps(said), flush=True)


async def main():
    server = StdioServerParameters(command=sys.argv[1], args=sys.argv[2:], env=dict(os.environ))
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        print(json.dumps({"id": "connected"}), flush=True)
        calls = []
        while line := await asyncio.to_thread(sys.stdin.readline):
            id, ms = line.split()
            calls.append(asyncio.create_task(call(session, id, int(ms))))
        for one in calls:
            one.cancel()


asyncio.run(main())
