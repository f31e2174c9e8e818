// Package config reads what people write: .mcp.json, the rules file, env files
// and files of policy tests. It is pure: bytes and values go in; values,
// decisions about files, and problems with their positions come out. What must
// be read, it is given; it neither blocks nor logs.
//
// Everything wrong in a file is said at once, with a stable code. Limits on
// size, nesting and encoding are checked on the bytes before any parser sees
// them. Problems and errors never hold the value of a variable, of env or of a
// header.
package config
