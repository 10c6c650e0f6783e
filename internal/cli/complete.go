package cli

import "github.com/spf13/cobra"

// completeFile offers files for the first argument and nothing for the next.
func completeFile(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// completeFolder offers folders for the first argument and nothing for the next.
func completeFolder(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// mustTakeText offers nothing for flags that are neither files nor folders.
func mustTakeText(cmd *cobra.Command, flags ...string) {
	for _, flag := range flags {
		mustComplete(cmd, flag)
	}
}

// mustTakeFolder offers folders for a flag. The flag exists, or the command is
// wrong from the start.
func mustTakeFolder(cmd *cobra.Command, flag string) {
	if err := cmd.MarkFlagDirname(flag); err != nil {
		panic("cli: completion of --" + flag + ": " + err.Error())
	}
}

// completeFiles offers files for every argument.
func completeFiles(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}
