// Package vars knows variables as they are written: ${VAR} and its forms inside
// a text, dotenv files, and the environment that every child process gets.
//
// It is pure. Its problems never quote a value.
package vars
