#!/usr/bin/env node
// Starts the program of the package for this system. npm has installed that one
// alone, as an optional dependency: nothing is downloaded here.
"use strict";

const { spawn } = require("node:child_process");
const os = require("node:os");

const name = `@gatehouse/${process.platform}-${process.arch}`;
let program;
try {
  program = require.resolve(`${name}/bin/gatehouse${process.platform === "win32" ? ".exe" : ""}`);
} catch {
  console.error(`gatehouse: the package ${name} is not installed. Install again without --omit=optional; if there is no such package, build from source.`);
  process.exit(1);
}

const child = spawn(program, process.argv.slice(2), { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => child.kill(signal));
}
child.on("error", (err) => {
  console.error(`gatehouse: ${err.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => process.exit(code ?? 128 + (os.constants.signals[signal] ?? 0)));
