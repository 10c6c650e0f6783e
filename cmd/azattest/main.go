// Command azattest attests enclaves: a self-hosted service that speaks the REST
// API of Azure Attestation, and the tools around it.
package main

import (
	"os"

	"github.com/azattest/azattest/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.Standard()))
}
