package serversfile

import (
	"slices"
	"strings"

	"gatehouse/internal/lazyregexp"
)

// UnpinnedPackage is a package on a command line that says no exact version.
type UnpinnedPackage struct {
	Runner  string // "npx", "docker run" and so on
	Package string // as written
	Word    int    // which word of the command line it is in
	Cure    string
}

// Unpinned lists the packages and images that a command line, a program and
// its arguments, fetches and runs without saying which version: none at all,
// "latest" or another tag, or a range. It knows npx, bunx, pnpm, yarn, npm, bun,
// deno, uvx, uv, pipx, go, docker and its likes, behind env, cmd or a shell as well,
// and scripts that a shell fetches and runs.
// What is a variable, or a path of this machine, is not judged.
func Unpinned(words []string) []UnpinnedPackage {
	if len(words) == 0 {
		return nil
	}
	if i, script := scriptOf(words); script != "" {
		found := fetchedScripts(script, i)
		for _, line := range strings.FieldsFunc(script, func(r rune) bool { return strings.ContainsRune(";|&\n()", r) }) {
			for _, u := range Unpinned(unquoted(strings.Fields(line))) {
				u.Word = i
				found = append(found, u)
			}
		}
		return found
	}
	for i, word := range words {
		if run := runnerOf(words[i:]); run != nil {
			found := run.packages(words[i+run.words:])
			for k := range found {
				found[k].Word += i + run.words
			}
			return found
		}
		if i == 0 && !wraps(word) {
			return nil
		}
	}
	return nil
}

// wraps reports whether a program runs the command line behind it.
func wraps(program string) bool {
	return strings.Contains(program, "=") || // VAR=value, in a script
		slices.Contains([]string{"env", "cmd", "sudo", "timeout", "nice", "nohup", "setsid", "stdbuf", "exec", "command", "time", "xvfb-run", "mise", "dotenv", "op", "firejail", "bwrap"}, base(program))
}

// scriptOf finds the script of a shell's -c, or the command line of env's -S, and
// which word it is.
func scriptOf(words []string) (int, string) {
	if base(words[0]) == "env" {
		return splitString(words)
	}
	if !slices.Contains([]string{"sh", "bash", "zsh", "dash", "ksh", "fish"}, base(words[0])) {
		return 0, ""
	}
	for i, word := range words[1:] {
		if strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.HasSuffix(word, "c") && i+2 < len(words) {
			return i + 2, words[i+2]
		}
	}
	return 0, ""
}

func splitString(words []string) (int, string) {
	for i, word := range words[1:] {
		switch line, joined := strings.CutPrefix(word, "--split-string="); {
		case joined:
			return i + 1, line
		case (word == "-S" || word == "--split-string" || word == "-iS") && i+2 < len(words):
			return i + 2, words[i+2]
		case strings.HasPrefix(word, "-S"):
			return i + 1, word[len("-S"):]
		}
	}
	return 0, ""
}

// piped is a script that is fetched and run without a look at it.
var piped = lazyregexp.New(`\b(curl|wget)\b[^|;&]*?(https?://[^\s'"|]+)[^|;&]*\|\s*(?:sudo\s+)?(?:/\S*/)?((?:ba|z|da|k)?sh|python3?|node)\b`)

// fetchedScripts are those of a script, in a word of the command line.
func fetchedScripts(script string, word int) (found []UnpinnedPackage) {
	for _, m := range piped().FindAllStringSubmatch(script, -1) {
		found = append(found, UnpinnedPackage{m[1] + " | " + m[3], m[2], word, "keep a copy of the script that you have reviewed, and run that"})
	}
	return found
}

func unquoted(words []string) []string {
	for i, w := range words {
		words[i] = strings.Trim(w, `"'`)
	}
	return words
}

// base is the name of a program without its folder and what Windows adds.
func base(program string) string {
	if i := strings.LastIndexAny(program, `/\`); i >= 0 {
		program = program[i+1:]
	}
	program = strings.ToLower(program)
	for _, ending := range []string{".exe", ".cmd", ".bat", ".ps1"} {
		program = strings.TrimSuffix(program, ending)
	}
	return program
}

// runner is a program that fetches what it runs.
type runner struct {
	words    int // of its name and subcommand
	packages func(args []string) []UnpinnedPackage
}

func runnerOf(words []string) *runner {
	name := base(words[0])
	second := func(subs ...string) int { // After the program's own flags.
		for i, w := range words[1:] {
			if slices.Contains(subs, w) {
				return i + 2
			}
			if !strings.HasPrefix(w, "-") && !strings.Contains(w, "/") && !strings.Contains(w, "=") && i > 2 {
				return 0
			}
		}
		return 0
	}
	switch name {
	case "npx", "bunx", "pnpx":
		return &runner{1, npmPackages(name)}
	case "npm", "pnpm", "yarn", "bun":
		if n := second("exec", "x", "dlx"); n > 0 {
			return &runner{n, npmPackages(name + " " + words[n-1])}
		}
	case "deno":
		return &runner{1, denoPackages}
	case "uvx":
		return &runner{1, pythonPackages(name, "--from")}
	case "uv":
		if n := second("tool"); n > 0 && n < len(words) && words[n] == "run" {
			return &runner{n + 1, pythonPackages("uv tool run", "--from")}
		}
		if n := second("run"); n > 0 {
			return &runner{n, pythonExtras("uv run")}
		}
	case "go":
		if n := second("run"); n > 0 {
			return &runner{n, goPackages}
		}
	case "pipx":
		if n := second("run"); n > 0 {
			return &runner{n, pythonPackages("pipx run", "--spec")}
		}
	case "docker", "podman", "nerdctl":
		if n := second("run"); n > 0 {
			return &runner{n, images(name + " run")}
		}
	}
	return nil
}

// exact is a version that is no range: three numbers, and what may follow.
var exact = lazyregexp.New(`^=?v?\d+\.\d+\.\d+[0-9A-Za-z.+-]*$`)

// npmPackages reads the arguments of npx and its likes: flags, then the
// package, unless a flag names it.
func npmPackages(run string) func([]string) []UnpinnedPackage {
	return func(args []string) []UnpinnedPackage {
		var named []UnpinnedPackage
		flagged := false
		for i := 0; i < len(args); i++ {
			flag, value, joined := strings.Cut(args[i], "=")
			switch {
			case flag == "-p" || flag == "--package":
				flagged = true
				if !joined && i+1 < len(args) {
					i++
					value = args[i]
				}
				named = append(named, npmPackage(run, value, i)...)
			case slices.Contains([]string{"--registry", "--cache", "--userconfig", "--prefix", "-w", "--workspace", "--node-options", "--loglevel", "-C", "--dir"}, flag):
				if !joined {
					i++
				}
			case flag == "-c" || flag == "--call":
				return named
			case strings.HasPrefix(flag, "-"):
			case flagged:
				return named
			default:
				return npmPackage(run, args[i], i)
			}
		}
		return named
	}
}

func npmPackage(run, spec string, at int) []UnpinnedPackage {
	switch {
	case spec == "" || strings.Contains(spec, "${") || localPath(spec):
		return nil
	case strings.Contains(spec, "://") || strings.HasPrefix(spec, "github:") || strings.HasPrefix(spec, "git+"):
		if _, revision, ok := strings.Cut(spec, "#"); ok && revision != "" || strings.HasSuffix(spec, ".tgz") {
			return nil
		}
		return []UnpinnedPackage{{run, spec, at, "name the revision that you have looked at: ...#COMMIT"}}
	}
	name, version := spec, ""
	if i := strings.LastIndexByte(spec, '@'); i > 0 {
		name, version = spec[:i], spec[i+1:]
	}
	if exact().MatchString(version) {
		return nil
	}
	return []UnpinnedPackage{{run, spec, at, "pin the version that you have reviewed: " + name + "@1.2.3"}}
}

func localPath(spec string) bool {
	return strings.HasPrefix(spec, ".") || strings.HasPrefix(spec, "/") || strings.HasPrefix(spec, "~") || strings.HasPrefix(spec, "file:")
}

// ofVersion is a part of a URL's path that names a version, a tag or a commit.
var ofVersion = lazyregexp.New(`@v?\d|/[0-9a-f]{40}/`)

// denoValues are flags of deno that have a value in the next word.
var denoValues = []string{"-c", "--config", "--import-map", "--cert", "--location", "--seed", "--port", "--host", "-L", "--log-level"}

// denoPackages looks at what deno runs, if that is npm:, jsr: or a URL.
func denoPackages(args []string) []UnpinnedPackage {
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case slices.Contains(denoValues, a):
			i++
		case strings.HasPrefix(a, "-") || i == 0 && slices.Contains([]string{"run", "serve", "x"}, a):
		default:
			return denoPackage(a, i)
		}
	}
	return nil
}

func denoPackage(spec string, at int) []UnpinnedPackage {
	if strings.HasPrefix(spec, "https://") || strings.HasPrefix(spec, "http://") {
		if strings.Contains(spec, "${") || ofVersion().MatchString(spec) {
			return nil
		}
		return []UnpinnedPackage{{"deno", spec, at, "name the version that you have reviewed: ...@1.2.3/..."}}
	}
	scheme, name, ok := strings.Cut(spec, ":")
	if !ok || scheme != "npm" && scheme != "jsr" {
		return nil
	}
	if i := strings.LastIndexByte(name, '@'); i > 0 { // What follows a slash behind the version is a file of the package.
		version, _, _ := strings.Cut(name[i:], "/")
		name = name[:i] + version
	}
	return npmPackage("deno", name, at)
}

// pythonValues are flags of uvx and pipx that have a value in the next word.
var pythonValues = []string{
	"--python", "-p", "--with", "--with-editable", "--with-requirements", "--index", "--default-index", "--index-url", "-i", "--extra-index-url",
	"--find-links", "-f", "--cache-dir", "--directory", "--project", "--config-file", "--env-file", "--refresh-package", "--upgrade-package",
	"--constraints", "-c", "--overrides", "--exclude-newer", "--link-mode", "--prerelease", "--resolution", "--keyring-provider", "--pip-args",
}

// pythonPackages reads the arguments of uvx and its likes; the flag says what
// to install if that is not what is run.
func pythonPackages(run, from string) func([]string) []UnpinnedPackage {
	return func(args []string) []UnpinnedPackage {
		p := readPython(run, from, args)
		if !p.named && p.rest < len(args) {
			p.found = append(p.found, pythonPackage(run, args[p.rest], p.rest)...)
		}
		return p.found
	}
}

// pythonExtras reads the arguments of uv run, which runs what is here with packages
// that are not.
func pythonExtras(run string) func([]string) []UnpinnedPackage {
	return func(args []string) []UnpinnedPackage { return readPython(run, "", args).found }
}

// pythonArgs is what the flags of uvx and its likes say.
type pythonArgs struct {
	found []UnpinnedPackage
	named bool // a flag says what to install
	rest  int  // where the flags end
}

func readPython(run, from string, args []string) (p pythonArgs) {
	for ; p.rest < len(args) && strings.HasPrefix(args[p.rest], "-"); p.rest++ {
		flag, value, joined := strings.Cut(args[p.rest], "=")
		if !joined && (flag == from || slices.Contains(pythonValues, flag)) && p.rest+1 < len(args) {
			p.rest++
			value = args[p.rest]
		}
		switch flag {
		case from:
			p.named = true
			p.found = append(p.found, pythonPackage(run, value, p.rest)...)
		case "--with":
			for spec := range strings.SplitSeq(value, ",") {
				p.found = append(p.found, pythonPackage(run, spec, p.rest)...)
			}
		}
	}
	return p
}

// goPackages reads the arguments of go run: a package of a module that is not here
// has a version.
func goPackages(args []string) []UnpinnedPackage {
	for i, a := range args {
		if strings.HasPrefix(a, "-") {
			continue
		}
		name, version, remote := strings.Cut(a, "@")
		if !remote || strings.Contains(a, "${") || exact().MatchString(version) || commit().MatchString(version) {
			return nil
		}
		return []UnpinnedPackage{{"go run", a, i, "pin the version that you have reviewed: " + name + "@v1.2.3"}}
	}
	return nil
}

// commit is a revision by its hash.
var commit = lazyregexp.New(`^[0-9a-f]{7,40}$`)

func pythonPackage(run, spec string, at int) []UnpinnedPackage {
	switch {
	case spec == "" || strings.Contains(spec, "${") || localPath(spec) || strings.HasSuffix(spec, ".py") || strings.HasSuffix(spec, ".whl"):
		return nil
	case strings.Contains(spec, "git+") || strings.Contains(spec, "://"):
		_, path, _ := strings.Cut(spec, "://")
		_, path, _ = strings.Cut(path, "/") // An @ before it belongs to the address.
		if strings.Contains(path, "@") {
			return nil
		}
		return []UnpinnedPackage{{run, spec, at, "name the revision that you have looked at: ...@COMMIT"}}
	}
	name, version := spec, ""
	for _, sign := range []string{"===", "==", "@"} {
		if before, after, ok := strings.Cut(spec, sign); ok {
			name, version = strings.TrimSpace(before), strings.TrimSpace(after)
			break
		}
	}
	if version != "" && version[0] >= '0' && version[0] <= '9' && !strings.ContainsAny(version, "*,<>~") {
		return nil
	}
	if i := strings.IndexAny(name, "<>=~! "); i > 0 {
		name = name[:i]
	}
	return []UnpinnedPackage{{run, spec, at, "pin the version that you have reviewed: " + name + "==1.2.3"}}
}

// imageSwitches are flags of docker run without a value.
var imageSwitches = []string{
	"--rm", "--init", "--interactive", "--tty", "--detach", "--privileged", "--read-only", "--publish-all", "--no-healthcheck",
	"--oom-kill-disable", "--sig-proxy", "--quiet", "--help", "--disable-content-trust", "--replace", "--no-hosts", "--no-hostname", "--env-host",
	"--http-proxy", "--rmi", "--systemd", "--tls-verify",
}

// images reads the arguments of docker run: flags, then the image.
func images(run string) func([]string) []UnpinnedPackage {
	return func(args []string) []UnpinnedPackage {
		for i := 0; i < len(args); i++ {
			a := args[i]
			switch {
			case strings.HasPrefix(a, "--"):
				if !strings.Contains(a, "=") && !slices.Contains(imageSwitches, a) {
					i++
				}
			case strings.HasPrefix(a, "-"):
				if len(a) == 2 && !strings.Contains("itdPq", a[1:]) || len(a) > 2 && strings.Trim(a[1:len(a)-1], "itdPq") == "" && !strings.Contains("itdPq", a[len(a)-1:]) {
					i++ // Its value is the next word.
				}
			default:
				return image(run, a, i)
			}
		}
		return nil
	}
}

func image(run, spec string, at int) []UnpinnedPackage {
	if spec == "" || strings.Contains(spec, "${") || strings.Contains(spec, "@sha256:") {
		return nil
	}
	last := spec[strings.LastIndexByte(spec, '/')+1:]
	name, tag, tagged := strings.Cut(last, ":")
	if tagged && tag != "" && tag != "latest" {
		return nil
	}
	whole := strings.TrimSuffix(spec, last) + name
	return []UnpinnedPackage{{run, spec, at, "pin the version that you have reviewed: " + whole + ":1.2.3, or " + whole + "@sha256:..."}}
}
