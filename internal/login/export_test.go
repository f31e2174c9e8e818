package login

import "gatehouse/internal/login/store"

// OnDrop has drop hear of the tokens that a keeper would revoke as nobody else has them.
// Nobody may use the keeper meanwhile.
func (k *Keeper) OnDrop(drop func(store.Record)) { k.drop = drop }
