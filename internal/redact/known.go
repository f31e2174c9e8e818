package redact

import "strings"

// knownSecret is how the secrets of one service begin.
type knownSecret struct {
	prefix string
	least  int // characters behind the prefix, of letters, digits, and extra
	extra  string
	kind   string // for "it holds ..."
}

// knownSecrets are the ones that can be told by their beginning. Where one
// prefix begins another, the longer one comes first.
var knownSecrets = []knownSecret{
	{"ghp_", 10, "", "a GitHub token"},
	{"gho_", 10, "", "a GitHub token"},
	{"ghu_", 10, "", "a GitHub token"},
	{"ghs_", 10, "", "a GitHub token"},
	{"ghr_", 10, "", "a GitHub token"},
	{"github_pat_", 10, "_", "a GitHub token"},
	{"glpat-", 10, "_-.", "a GitLab token"},
	{"gldt-", 10, "_-", "a GitLab token"},
	{"glrt-", 10, "_-", "a GitLab token"},
	{"glptt-", 10, "_-", "a GitLab token"},
	{"glsa_", 10, "_", "a Grafana token"},
	{"glc_", 20, "_-=+/", "a Grafana token"},
	{"sk-ant-", 10, "_-", "an Anthropic key"},
	{"sk-proj-", 10, "_-", "an OpenAI key"},
	{"sk-or-", 10, "_-", "an OpenRouter key"},
	{"sk-", 16, "_-", "an API key"},
	{"sk_live_", 10, "_", "a Stripe key"},
	{"sk_test_", 10, "_", "a Stripe key"},
	{"rk_live_", 10, "_", "a Stripe key"},
	{"whsec_", 16, "+/=", "a webhook secret"},
	{"xoxb-", 10, "-", "a Slack token"},
	{"xoxp-", 10, "-", "a Slack token"},
	{"xoxa-", 10, "-", "a Slack token"},
	{"xoxe-", 10, "-.", "a Slack token"},
	{"xoxe.", 10, "-.", "a Slack token"},
	{"xoxr-", 10, "-", "a Slack token"},
	{"xoxs-", 10, "-", "a Slack token"},
	{"xoxc-", 10, "-", "a Slack token"},
	{"xoxd-", 10, "-%", "a Slack token"},
	{"xapp-", 10, "-", "a Slack token"},
	{"AKIA", 16, "", "an AWS key"},
	{"ASIA", 16, "", "an AWS key"},
	{"AIza", 30, "_-", "a Google key"},
	{"GOCSPX-", 20, "_-", "a Google client secret"},
	{"ya29.", 20, "_-.", "a Google token"},
	{"npm_", 20, "", "an npm token"},
	{"pypi-", 16, "_-", "a PyPI token"},
	{"hf_", 20, "", "a Hugging Face token"},
	{"gsk_", 20, "", "a Groq key"},
	{"xai-", 20, "", "an xAI key"},
	{"pplx-", 20, "", "a Perplexity key"},
	{"tvly-", 16, "_-", "a Tavily key"},
	{"r8_", 30, "", "a Replicate token"},
	{"lin_api_", 20, "", "a Linear key"},
	{"ntn_", 20, "", "a Notion token"},
	{"figd_", 20, "_-", "a Figma token"},
	{"sbp_", 20, "", "a Supabase token"},
	{"sb_secret_", 16, "_-", "a Supabase key"},
	{"dop_v1_", 20, "", "a DigitalOcean token"},
	{"shpat_", 20, "", "a Shopify token"},
	{"SG.", 30, "_-.", "a SendGrid key"},
	{"hvs.", 20, "_-", "a Vault token"},
	{"dp.pt.", 20, "", "a Doppler token"},
	{"PMAK-", 20, "-", "a Postman key"},
	{"NRAK-", 20, "", "a New Relic key"},
	{"sntrys_", 20, "_=+/", "a Sentry token"},
	{"sntryu_", 20, "", "a Sentry token"},
	{"ATATT3", 20, "_-=", "an Atlassian token"},
	{"dapi", 32, "", "a Databricks token"},
	{"AGE-SECRET-KEY-1", 20, "", "an age key"},
	{"gatehouse_", 20, "_-", "a gatehouse token"},
	{"eyJ", 20, "_-.", "a JWT"},
	{"-----BEGIN PRIVATE KEY-----", 0, "", "a private key"},
	{"-----BEGIN RSA PRIVATE KEY-----", 0, "", "a private key"},
	{"-----BEGIN EC PRIVATE KEY-----", 0, "", "a private key"},
	{"-----BEGIN OPENSSH PRIVATE KEY-----", 0, "", "a private key"},
	{"-----BEGIN ENCRYPTED PRIVATE KEY-----", 0, "", "a private key"},
}

// Known returns what kind of secret a text holds in clear, by how the secrets
// of well-known services begin; empty if it holds none of these.
func Known(text string) (kind string) {
	for _, k := range knownSecrets {
		if from, _ := k.in(text); from >= 0 {
			return k.kind
		}
	}
	return ""
}

// MaskKnown replaces such secrets by what they are.
func MaskKnown(text string) string {
	for _, k := range knownSecrets {
		for {
			from, to := k.in(text)
			if from < 0 {
				break
			}
			text = text[:from] + "[" + k.kind + "]" + text[to:]
		}
	}
	return text
}

// in finds the first secret of this kind, as a range of bytes; -1 if there is
// none. Letters and digits before the prefix make it part of another word.
func (k knownSecret) in(text string) (from, to int) {
	for at := 0; ; {
		i := strings.Index(text[at:], k.prefix)
		if i < 0 {
			return -1, -1
		}
		from = at + i
		to = from + len(k.prefix)
		at = to
		if from > 0 && wordByte(text[from-1]) {
			continue
		}
		for to < len(text) && (wordByte(text[to]) || strings.IndexByte(k.extra, text[to]) >= 0) {
			to++
		}
		if to-at >= k.least && (k.prefix != "eyJ" || strings.IndexByte(text[at:to], '.') >= 0) {
			return from, to
		}
	}
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
