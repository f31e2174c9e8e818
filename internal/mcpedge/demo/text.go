package demo

import (
	"crypto/md5"  //nolint:gosec // The tool says itself that MD5 is for checksums only.
	"crypto/sha1" //nolint:gosec // As above.
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// maxTextLen limits the text that one call may bring, in characters.
const maxTextLen = 100_000

// textArgs are the arguments of the tools that want nothing but a text.
type textArgs struct{ Text string }

// changed is the answer of the tools that turn one text into another.
type changed struct {
	Text string `json:"text"`
}

// counts is the answer of word_count.
type counts struct {
	Words      int `json:"words"`
	Lines      int `json:"lines"`
	Characters int `json:"characters"`
	Bytes      int `json:"bytes"`
}

// digest is the answer of hash.
type digest struct {
	Algorithm string `json:"algorithm"`
	Hex       string `json:"hex"`
}

func textServer() description {
	return description{
		name:         "text",
		title:        "Text tools",
		summary:      "Counts, hashes and converts text",
		instructions: "All tools are pure: the same input gives the same output, and nothing is kept.",
		tools:        textTools,
	}
}

func textTools() []server.ServerTool {
	text := func(what string) mcp.ToolOption {
		return mcp.WithString("text", mcp.Required(), mcp.Description(what), mcp.MaxLength(maxTextLen))
	}
	return []server.ServerTool{
		tool("word_count", "Counts the words, lines, characters and bytes of a text.", wordCount, text("The text to count.")),
		tool("slugify", "Makes a text fit for a URL or a file name: lower case, with single hyphens between the words.", slugify, text("For example a title.")),
		tool("hash", "Computes a checksum of a text's UTF-8 bytes, in hexadecimal. MD5 and SHA-1 are for comparing only, not for security.", checksum,
			text("The text to hash."),
			mcp.WithString("algorithm", mcp.Description("sha256 if left out."), mcp.Enum("md5", "sha1", "sha256", "sha512"), mcp.DefaultString("sha256"))),
		tool("base64_encode", "Encodes a text's UTF-8 bytes as standard base64.", encode, text("The text to encode.")),
		tool("base64_decode", "Decodes standard base64, with or without padding, to a text. What it decodes to must be UTF-8.", decode, text("The base64 to decode.")),
	}
}

func wordCount(args textArgs) (counts, error) {
	lines := strings.Count(args.Text, "\n")
	if args.Text != "" && !strings.HasSuffix(args.Text, "\n") {
		lines++
	}
	return counts{
		Words:      len(strings.Fields(args.Text)),
		Lines:      lines,
		Characters: utf8.RuneCountInString(args.Text),
		Bytes:      len(args.Text),
	}, nil
}

func slugify(args textArgs) (changed, error) {
	words := strings.FieldsFunc(strings.ToLower(args.Text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	return changed{Text: strings.Join(words, "-")}, nil
}

func checksum(args struct{ Text, Algorithm string }) (digest, error) {
	var h hash.Hash
	switch args.Algorithm {
	case "md5":
		h = md5.New() //nolint:gosec // Asked for by name, for comparing only.
	case "sha1":
		h = sha1.New() //nolint:gosec // As above.
	case "", "sha256":
		args.Algorithm, h = "sha256", sha256.New()
	case "sha512":
		h = sha512.New()
	default:
		return digest{}, fmt.Errorf("cannot hash with %q: use md5, sha1, sha256 or sha512", args.Algorithm)
	}
	h.Write([]byte(args.Text))
	return digest{Algorithm: args.Algorithm, Hex: hex.EncodeToString(h.Sum(nil))}, nil
}

func encode(args textArgs) (changed, error) {
	return changed{Text: base64.StdEncoding.EncodeToString([]byte(args.Text))}, nil
}

func decode(args textArgs) (changed, error) {
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(args.Text), "="))
	if err != nil {
		return changed{}, fmt.Errorf("cannot decode the text: it is not base64: %w", err)
	}
	if !utf8.Valid(raw) {
		return changed{}, errors.New("cannot show what the text decodes to: it is not UTF-8")
	}
	return changed{Text: string(raw)}, nil
}
