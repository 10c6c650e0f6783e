package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/spf13/cobra"
)

// The credentials that --credential knows.
const (
	credentialNone        = "none"
	credentialDefault     = "default"
	credentialEnvironment = "environment"
	credentialCLI         = "azure-cli"
	credentialManaged     = "managed-identity"
	credentialWorkload    = "workload-identity"
	credentialBearer      = "bearer"
)

// bearerVariable holds the token of the credential bearer.
const bearerVariable = "AZATTEST_BEARER"

var credentialNames = []string{
	credentialDefault, credentialEnvironment, credentialCLI, credentialManaged, credentialWorkload, credentialBearer, credentialNone,
}

// clouds are Azure's, by the names that the command has for them.
var clouds = map[string]cloud.Configuration{
	"public": cloud.AzurePublic, "us-government": cloud.AzureGovernment, "china": cloud.AzureChina,
}

var cloudNames = []string{"public", "us-government", "china"}

// credentialFlags say who the command is to the service.
type credentialFlags struct {
	name, cloud string
	none        bool
}

func (f *credentialFlags) add(cmd *cobra.Command, credential string) {
	flags := cmd.Flags()
	flags.StringVar(&f.name, "credential", credential, "who to be: "+strings.Join(credentialNames, ", "))
	flags.BoolVar(&f.none, "no-credential", false, "send no credential, as --credential none does")
	flags.StringVar(&f.cloud, "cloud", "public", "the Azure cloud that knows the credential: "+strings.Join(cloudNames, ", "))
	mustComplete(cmd, "credential", credentialNames...)
	mustComplete(cmd, "cloud", cloudNames...)
}

// check refuses what no flag of its own type could. Commands without these flags
// have no credential.
func (f *credentialFlags) check(cmd *cobra.Command) error {
	if cmd.Flags().Lookup("credential") == nil {
		return nil
	}
	switch {
	case !slices.Contains(credentialNames, f.name):
		return usage(cmd.CommandPath(), "--credential %q: want one of %s", f.name, strings.Join(credentialNames, ", "))
	case f.none && cmd.Flags().Changed("credential") && f.name != credentialNone:
		return usage(cmd.CommandPath(), "--credential and --no-credential exclude each other")
	case !slices.Contains(cloudNames, f.cloud):
		return usage(cmd.CommandPath(), "--cloud %q: want one of %s", f.cloud, strings.Join(cloudNames, ", "))
	}
	return nil
}

func (f *credentialFlags) configuration() cloud.Configuration { return clouds[f.cloud] }

// open returns the credential, nil for none. Nobody is asked anything yet.
func (f *credentialFlags) open(s Streams) (azcore.TokenCredential, error) {
	if f.none || f.name == "" || f.name == credentialNone {
		return nil, nil //nolint:nilnil // no credential is no error
	}
	if f.name == credentialBearer {
		token := strings.TrimSpace(s.env(bearerVariable))
		if token == "" {
			return nil, &noBearerError{}
		}
		return heldToken(token), nil
	}
	c, err := newCredential(f.name, s.env("AZURE_CLIENT_ID"), azcore.ClientOptions{Cloud: f.configuration()})
	if err != nil {
		return nil, &credentialError{f.name, err}
	}
	return &namedCredential{f.name, c}, nil
}

// newCredential makes a credential by its name. The client ID, if any, is that of
// a managed identity that a user assigned.
func newCredential(name, clientID string, options azcore.ClientOptions) (azcore.TokenCredential, error) {
	switch name {
	case credentialEnvironment:
		return azidentity.NewEnvironmentCredential(&azidentity.EnvironmentCredentialOptions{ClientOptions: options})
	case credentialCLI:
		return azidentity.NewAzureCLICredential(nil)
	case credentialManaged:
		o := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
		if clientID != "" {
			o.ID = azidentity.ClientID(clientID)
		}
		return azidentity.NewManagedIdentityCredential(o)
	case credentialWorkload:
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientOptions: options})
	}
	return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options})
}

// namedCredential tells a failure to authenticate from all others.
type namedCredential struct {
	name string
	azcore.TokenCredential
}

// GetToken asks for a token.
func (c *namedCredential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	t, err := c.TokenCredential.GetToken(ctx, o)
	if err != nil {
		return t, &credentialError{c.name, err}
	}
	return t, nil
}

// credentialError says that nobody vouches for the caller. The service was not
// asked.
type credentialError struct {
	name string
	err  error
}

func (e *credentialError) Error() string {
	// azidentity rules lines between the parts of an answer.
	words := slices.DeleteFunc(strings.Fields(e.err.Error()), func(word string) bool { return strings.Trim(word, "-") == "" })
	return fmt.Sprintf("authenticate with credential %s: %s", e.name, told(strings.Join(words, " ")))
}

func (e *credentialError) Unwrap() error { return e.err }

// NonRetriable keeps azcore from asking again: credentials do that themselves.
func (*credentialError) NonRetriable() {}

// noBearerError says that there is no token to be a bearer of.
type noBearerError struct{}

func (*noBearerError) Error() string {
	return "credential bearer: the environment variable " + bearerVariable + " is empty"
}

// heldToken is a bearer token that somebody got elsewhere.
type heldToken string

// GetToken returns it. Until when it holds is for the service to say.
func (t heldToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(t), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// String keeps it out of logs.
func (heldToken) String() string { return "bearer token" }
