package cli

// heapFloor is how much memory the service may fill with garbage before the
// collector is worth its while, beside as much as is alive.
const heapFloor = 16 << 20

// holdHeap returns memory that nobody touches, to be held while the service runs.
// It costs addresses alone, no memory: the system gives pages to who writes on
// them. The collector begins when the heap has grown by what was alive. Of a
// service with few instances that is so little that under load it would begin ten
// times a second, which costs a tenth of the service's speed; what is held here
// counts as alive. GOGC and GOMEMLIMIT hold as ever.
func holdHeap() []byte { return make([]byte, heapFloor) }
