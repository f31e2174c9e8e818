package main

import "gatehouse/internal/admin"

// fleet is the line that says how the gateway does in its fleet.
func (p page) fleet(f admin.Fleet) string {
	color := ""
	if !f.Well() {
		color = yellow
	}
	return p.cut(color, "fleet "+line(f.String()))
}
