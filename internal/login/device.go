package login

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"gatehouse/internal/login/store"
)

// maxDeviceWait is how long a code of a device is waited for, whatever the server says.
const maxDeviceWait = 30 * time.Minute

// deviceAnswer is what matters of the answer of RFC 8628.
type deviceAnswer struct {
	Device   string `json:"device_code"`
	User     string `json:"user_code"`
	Page     string `json:"verification_uri"`
	Complete string `json:"verification_uri_complete"`
	Expires  int64  `json:"expires_in"`
	Interval int64  `json:"interval"`
	Error    string `json:"error"`
	Reason   string `json:"error_description"`
}

// byDevice has a person agree in a browser on any machine, by a code.
func (o Options) byDevice(ctx context.Context, t Target, f found, saved store.Record) (store.Record, error) {
	if f.server.Device == "" {
		return store.Record{}, fmt.Errorf("%s does not offer logins by a code (the device grant); log in without --device, or with --manual", quoted(f.server.Issuer))
	}
	kind, err := choice(t.Auth, f.server)
	if err != nil {
		return store.Record{}, err
	}
	w := newWeb(f.home, o.Agent)
	defer w.close()
	a := attempt{found: f}
	a.scopes, _ = o.wants(t, f, saved).scopes()
	if a.client, err = o.client(ctx, w, kind, t.Auth, f.server, defaultRedirect); err != nil {
		return store.Record{}, err
	}
	d, err := a.askDevice(ctx, w)
	if err != nil {
		return store.Record{}, fmt.Errorf("%s gives no code for a login: %w", quoted(f.server.Issuer), err)
	}
	if text := a.mixed(d.Page); text != "" {
		o.Say(text)
	}
	if d.Complete != "" {
		o.Say("Open this address in a browser on any machine, and agree there if it shows the code " + clean(d.User) + ":")
		o.Say(d.Complete)
	} else {
		o.Say("Open this address in a browser on any machine, and enter the code " + clean(d.User) + " there:")
		o.Say(d.Page)
	}
	got, err := a.awaitDevice(ctx, w, d, o.Now())
	if err != nil {
		return store.Record{}, fmt.Errorf("%s grants no token for the login: %w; begin again", quoted(f.server.Issuer), err)
	}
	return record(t, f, a.client, a.scopes, got, o.Now()), nil
}

// askDevice asks for a code.
func (a attempt) askDevice(ctx context.Context, w *web) (deviceAnswer, error) {
	form := url.Values{}
	if len(a.scopes) > 0 {
		form.Set("scope", strings.Join(a.scopes, " "))
	}
	if a.found.resource != "" {
		form.Set("resource", a.found.resource)
	}
	status, data, err := w.postForm(ctx, a.found.server.Device, a.client, form)
	if err != nil {
		return deviceAnswer{}, err
	}
	var d deviceAnswer
	if err := decode(data, &d); err != nil && status/100 == 2 {
		return d, err
	}
	if status/100 != 2 {
		return d, refusedBecause(status, d.Error, secrets{string(a.client.secret)}.hide(d.Reason))
	}
	if d.Device == "" || d.User == "" || len(d.Device) > maxToken || len(d.User) > maxWords {
		return d, errors.New("its answer has no code")
	}
	for _, page := range []string{d.Page, d.Complete} {
		if page == "" && page != d.Page {
			continue
		}
		if err := w.reachable(ctx, page); err != nil {
			return d, fmt.Errorf("its page cannot be used: %w", err)
		}
	}
	return d, nil
}

// awaitDevice waits until the person has agreed, or the code ends.
func (a attempt) awaitDevice(ctx context.Context, w *web, d deviceAnswer, now time.Time) (tokens, error) {
	wait := maxDeviceWait
	if d.Expires > 0 && d.Expires < int64(maxDeviceWait/time.Second) {
		wait = time.Duration(d.Expires) * time.Second
	}
	ctx, cancel := context.WithTimeoutCause(ctx, wait, errors.New("the code has ended before anybody agreed"))
	defer cancel()
	var options []oauth2.AuthCodeOption
	if a.found.resource != "" {
		options = append(options, oauth2.SetAuthURLParam("resource", a.found.resource))
	}
	t, err := a.config().DeviceAccessToken(w.with(ctx), &oauth2.DeviceAuthResponse{DeviceCode: d.Device, Interval: d.Interval}, options...)
	return granted(ctx, t, err, now, secrets{d.Device, string(a.client.secret)})
}

// postForm sends a form as a client, which shows itself as it is registered.
func (w *web) postForm(ctx context.Context, address string, c client, form url.Values) (int, []byte, error) {
	header := http.Header{}
	if c.method == methodBasic {
		req := &http.Request{Header: header}
		req.SetBasicAuth(url.QueryEscape(c.id), url.QueryEscape(string(c.secret)))
	} else {
		form.Set("client_id", c.id)
		if c.secret != "" {
			form.Set("client_secret", string(c.secret))
		}
	}
	return w.post(ctx, address, "application/x-www-form-urlencoded", []byte(form.Encode()), header)
}
