// Package suggest finds the word that somebody probably meant. It is pure.
package suggest
