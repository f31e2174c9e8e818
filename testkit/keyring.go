package testkit

import (
	"errors"
	"sync"
)

// Keyring is a fake one in memory.
type Keyring struct {
	// Hang, unless nil, holds every answer up until it is closed; see Unlock.
	Hang chan struct{}
	// Err, unless nil, is every answer.
	Err error

	mu      sync.Mutex
	secrets map[string]string
}

func (k *Keyring) answer() error {
	k.mu.Lock()
	hang := k.Hang
	k.mu.Unlock()
	if hang != nil {
		<-hang
	}
	return k.Err
}

// Unlock has it answer at once from now on, and returns what still holds up those who
// have asked before.
func (k *Keyring) Unlock() (hang chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	hang, k.Hang = k.Hang, nil
	return hang
}

// Set keeps a secret.
func (k *Keyring) Set(user, secret string) error {
	if err := k.answer(); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.secrets == nil {
		k.secrets = map[string]string{}
	}
	k.secrets[user] = secret
	return nil
}

// Get returns a secret.
func (k *Keyring) Get(user string) (string, error) {
	if err := k.answer(); err != nil {
		return "", err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if secret, ok := k.secrets[user]; ok {
		return secret, nil
	}
	return "", errors.New("there is no such secret")
}

// Delete forgets a secret.
func (k *Keyring) Delete(user string) error {
	if err := k.answer(); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.secrets, user)
	return nil
}

// Len counts the secrets.
func (k *Keyring) Len() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.secrets)
}
