package clients

import (
	"bytes"
	"path/filepath"
	"strings"

	"gatehouse/internal/tomldoc"
	"gatehouse/internal/yamldoc"
)

// Comments are the places of what the comments of a client's file say, each with its end,
// in order, if Literals finds no fault with it. There may be a few more, never less.
func Comments(path string, data []byte) [][2]int {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".toml":
		return tomldoc.Comments(data)
	case ".yaml", ".yml":
		return yamldoc.Comments(data)
	}
	return commentsOfJSON(data)
}

func commentsOfJSON(src []byte) (found [][2]int) {
	for at := 0; at < len(src); {
		rest := src[at:]
		end := ""
		switch {
		case bytes.HasPrefix(rest, []byte("//")):
			end = "\n"
		case bytes.HasPrefix(rest, []byte("/*")):
			end = "*/"
		case rest[0] == '"':
			at += quotedInJSON(rest)
			continue
		default:
			at++
			continue
		}
		from := at + 2
		at = from + within(src[from:], end)
		found = append(found, [2]int{from, at})
		at = min(at+len(end), len(src))
	}
	return found
}

// within is how far it is to what ends a text, or to its end.
func within(text []byte, end string) int {
	if i := bytes.Index(text, []byte(end)); i >= 0 {
		return i
	}
	return len(text)
}

// quotedInJSON is the length of the text in quotes that another begins with.
func quotedInJSON(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}
