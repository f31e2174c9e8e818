package ownsocket

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// user is the user of this process.
func user() (*windows.SID, error) {
	u, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("cannot tell who the user is: %w", err)
	}
	return u.User.Sid, nil
}

// level is how far the system trusts this process: more if it runs as administrator.
func level() (*windows.SID, error) {
	buf := make([]byte, 128) // An SID has 68 bytes at most.
	var n uint32
	err := windows.GetTokenInformation(windows.GetCurrentProcessToken(), windows.TokenIntegrityLevel, &buf[0], uint32(len(buf)), &n) //nolint:gosec // It is 128.
	if err != nil {
		return nil, fmt.Errorf("cannot tell the integrity level: %w", err)
	}
	label := (*windows.Tokenmandatorylabel)(unsafe.Pointer(&buf[0])) //nolint:gosec // It is how the call returns a struct.
	return label.Label.Sid.Copy()                                    //nolint:wrapcheck // It fails for lack of memory.
}

// onlyUs is the access of a pipe for its user alone. The list is protected, so nothing
// is inherited or added to it. The owner is the user and not, as the system has it
// for administrators, a group. Processes that are trusted less than this one may not
// write, or any of the user's could act through one that runs as administrator.
func onlyUs() (*windows.SecurityAttributes, error) {
	us, err := user()
	if err != nil {
		return nil, err
	}
	trust, err := level()
	if err != nil {
		return nil, err
	}
	d, err := windows.SecurityDescriptorFromString(fmt.Sprintf("O:%[1]sD:P(A;;FA;;;%[1]s)S:(ML;;NW;;;%[2]s)", us, trust))
	if err != nil {
		return nil, fmt.Errorf("cannot make an access list: %w", err)
	}
	a := &windows.SecurityAttributes{SecurityDescriptor: d}
	a.Length = uint32(unsafe.Sizeof(*a))
	return a, nil
}

// isOurs reports whether an open pipe belongs to this user. Who owns a pipe has made
// it: only the system's own privileges let somebody name another owner.
func isOurs(h windows.Handle) (bool, error) {
	us, err := user()
	if err != nil {
		return false, err
	}
	d, err := windows.GetSecurityInfo(h, windows.SE_KERNEL_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return false, fmt.Errorf("cannot tell whose pipe it is: %w", err)
	}
	owner, _, err := d.Owner()
	if err != nil {
		return false, fmt.Errorf("cannot tell whose pipe it is: %w", err)
	}
	return windows.EqualSid(owner, us), nil
}
