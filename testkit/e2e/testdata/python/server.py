"""A server made with the Python SDK, old (FastMCP) or new (MCPServer).

usage: server.py stdio|streamable-http [PORT]
"""

import asyncio
import os
import sys


def make(port):
    try:
        from mcp.server import MCPServer
    except ImportError:
        from mcp.server.fastmcp import FastMCP

        return FastMCP("python", host="127.0.0.1", port=port), {}
    return MCPServer("python"), {"host": "127.0.0.1", "port": port}


transport = sys.argv[1]
server, options = make(int(sys.argv[2]) if len(sys.argv) > 2 else 0)


@server.tool()
def echo(message: str) -> str:
    """Says what it was told, and which process it is."""
    return f"{message} from {os.getpid()}"


@server.tool()
async def nap(seconds: float) -> str:
    """Takes its time."""
    await asyncio.sleep(seconds)
    return f"slept in {os.getpid()}"


server.run(transport, **(options if transport != "stdio" else {}))
