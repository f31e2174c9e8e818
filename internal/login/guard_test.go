package login_test

import (
	"net/netip"
	"testing"

	"gatehouse/internal/login"
)

func TestNetworkOf_everySpelling(t *testing.T) {
	t.Parallel()
	cases := map[string]login.Network{
		"1.1.1.1": login.Public, "2606:4700::1111": login.Public, "::ffff:1.1.1.1": login.Public, "64:ff9b::101:101": login.Public,
		"127.0.0.1": login.Loopback, "127.9.9.9": login.Loopback, "::1": login.Loopback, "::ffff:127.0.0.1": login.Loopback, "::127.0.0.1": login.Loopback,
		"64:ff9b::7f00:1": login.Loopback, "2002:7f00:1::": login.Loopback,
		"10.0.0.1": login.Private, "172.16.0.1": login.Private, "192.168.0.1": login.Private, "100.64.0.1": login.Private, "fd00::1": login.Private,
		"::ffff:10.0.0.1": login.Private, "2002:a00:1::": login.Private, "64:ff9b::a00:1": login.Private, "fec0::1": login.Private,
		"169.254.1.1": login.LinkLocal, "fe80::1": login.LinkLocal, "fe80::1%eth0": login.LinkLocal,
		"169.254.169.254": login.Never, "::ffff:169.254.169.254": login.Never, "64:ff9b::a9fe:a9fe": login.Never, "2002:a9fe:a9fe::": login.Never,
		"::169.254.169.254": login.Never, "fd00:ec2::254": login.Never, "fd20:ce::254": login.Never, "100.100.100.200": login.Never, "168.63.129.16": login.Never,
		"0.0.0.0": login.Never, "::": login.Never, "0.1.2.3": login.Never, "224.0.0.1": login.Never, "255.255.255.255": login.Never, "ff02::1": login.Never, "240.0.0.1": login.Never,
	}
	for text, want := range cases {
		if got := login.NetworkOf(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}
