//! The kinds of failed sign-ins, each as a sentence that says what to do and where.
//!
//! Codes: "Microsoft Entra authentication and authorization error codes" on learn.microsoft.com. Places are named as the
//! Entra admin center (<https://entra.microsoft.com>) names them.

use jiff::Timestamp;

/// The kinds of failed sign-ins that an admin can tell apart and mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignInReason {
    /// AADSTS7000215.
    #[error(
        "Sign-in failed: the client secret is wrong. Give the secret's value, not its id; make a new one in the Entra \
         admin center under App registrations, Certificates & secrets, if the value is lost."
    )]
    WrongSecret,
    /// AADSTS7000222.
    #[error(
        "Sign-in failed: the client secret has expired. Make a new one in the Entra admin center under App registrations, \
         Certificates & secrets, and give its value."
    )]
    ExpiredSecret,
    /// AADSTS700016.
    #[error(
        "Sign-in failed: the tenant has no application with this client id. Check the client id, and that the tenant is \
         the one in which the application was registered or consented to."
    )]
    UnknownClient,
    /// AADSTS90002 and its kin.
    #[error(
        "Sign-in failed: there is no such tenant in this cloud. Check the tenant id (Entra admin center, Overview) and the cloud."
    )]
    UnknownTenant,
    /// AADSTS50020, 50034: a person of another tenant, or of none.
    #[error(
        "Sign-in failed: the account does not exist in this tenant ({detail}). Sign in with an account of the tenant that \
         `microsoft.tenant` in the domain file names."
    )]
    WrongAccount {
        /// What Entra ID said, redacted.
        detail: String,
    },
    /// AADSTS65001 and its kin.
    #[error(
        "Sign-in failed: nobody has consented to the permissions. A Privileged Role Administrator or Global Administrator \
         grants admin consent in the Entra admin center under App registrations, API permissions, \
         \"Grant admin consent\"; an application needs Domain.Read.All of Microsoft Graph and Exchange.ManageAsApp of \
         Office 365 Exchange Online, a person's sign-in Domain.Read.All and Exchange.Manage."
    )]
    ConsentMissing,
    /// AADSTS65002: a client of Microsoft's own that may not speak to the service.
    #[error(
        "Sign-in failed: Microsoft does not let this client of its own ask for that service in a person's name. Register \
         a public client application (Entra admin center, App registrations, Authentication, \"Allow public client \
         flows\") with the delegated permissions Domain.Read.All and Exchange.Manage, and name it as `client_id` with \
         method device-code or browser; with the Azure CLI, `az login --service-principal` works as well."
    )]
    NotPreauthorized,
    /// AADSTS7000218: the application is a confidential client, a person's sign-in needs a public one.
    #[error(
        "Sign-in failed: the application does not allow a person's sign-in without a secret. Switch on \"Allow public \
         client flows\" in the Entra admin center under App registrations, Authentication, or leave `client_id` out to \
         use that of Microsoft's Exchange module."
    )]
    NotPublic,
    /// AADSTS50011: the redirect address of the browser sign-in is not registered.
    #[error(
        "Sign-in failed: the application does not know the address http://localhost. Add it in the Entra admin center under \
         App registrations, Authentication, \"Mobile and desktop applications\", or use method device-code."
    )]
    NoLoopback,
    /// AADSTS53003, 50076 and their kin.
    #[error(
        "Sign-in failed: Conditional Access does not allow it ({detail}). Exclude this identity from the policy or meet it \
         (location, device, second factor); the sign-in log in the Entra admin center names the policy."
    )]
    ConditionalAccess {
        /// What Entra ID asked for, redacted.
        detail: String,
    },
    /// AADSTS501051 and its kin.
    #[error(
        "Sign-in failed: the application requires an assignment and this identity has none. Assign it in the Entra admin \
         center under Enterprise applications, Users and groups."
    )]
    NotAssigned,
    /// AADSTS7000112, 700005.
    #[error(
        "Sign-in failed: the application is disabled. Enable it in the Entra admin center under Enterprise applications, \
         Properties, \"Enabled for users to sign-in\"."
    )]
    Disabled,
    /// AADSTS50057, 50053.
    #[error(
        "Sign-in failed: the user account is disabled or locked. Enable it in the Entra admin center under Users, \
         \"Account enabled\", or sign in with another account."
    )]
    UserDisabled,
    /// AADSTS500011, 500341, 650057.
    #[error(
        "Sign-in failed: the tenant has no service principal for the service ({detail}). Usually the tenant has no Exchange \
         Online, or the cloud is the wrong one."
    )]
    UnknownResource {
        /// What Entra ID said, redacted.
        detail: String,
    },
    /// AADSTS700027 with a key that was not found.
    #[error(
        "Sign-in failed: the certificate is not registered with the application ({detail}). Upload its public part (the \
         CERTIFICATE block) in the Entra admin center under App registrations, Certificates & secrets, Certificates."
    )]
    CertificateNotRegistered {
        /// What Entra ID said, redacted.
        detail: String,
    },
    /// AADSTS700027 or 1000502 with a key that has expired.
    #[error(
        "Sign-in failed: Entra ID says that the certificate has expired ({detail}). Make a new one, upload its public part \
         in the Entra admin center under App registrations, Certificates & secrets, Certificates, and name it in the domain file."
    )]
    ExpiredCertificate {
        /// What Entra ID said, redacted.
        detail: String,
    },
    /// AADSTS700024, 500133: an assertion from another time.
    #[error(
        "Sign-in failed: the signed assertion is not valid at Entra ID's time ({detail}). Set this machine's clock (UTC now \
         here: {now:.0}); `timedatectl` shows whether it is synchronized."
    )]
    ClockSkew {
        /// What Entra ID said, redacted.
        detail: String,
        /// This machine's time.
        now: Timestamp,
    },
    /// AADSTS70021 and its kin.
    #[error(
        "Sign-in failed: the application trusts no such federated token ({detail}). Add or correct its issuer, subject and \
         audience in the Entra admin center under App registrations, Certificates & secrets, Federated credentials."
    )]
    NotFederated {
        /// What Entra ID said, redacted: it names issuer, subject or audience.
        detail: String,
    },
    /// AADSTS700021 and its kin: a certificate or federated token was not accepted for another reason.
    #[error(
        "Sign-in failed: Entra ID did not accept the certificate or federated token ({detail}). Check that it is registered \
         with the application and not expired, and that this machine's clock is right."
    )]
    BadAssertion {
        /// What Entra ID said, redacted.
        detail: String,
    },
    /// The certificate or its key cannot be used; nothing was sent.
    #[error("The client certificate cannot be used: {detail}. Nothing was sent.")]
    CertificateUnreadable {
        /// Why.
        detail: String,
    },
    /// The key is another certificate's; nothing was sent.
    #[error(
        "The client certificate cannot be used: the private key does not belong to the certificate {subject}. Nothing was \
         sent. Name the key that was made with it; `openssl x509 -in CERTIFICATE -noout -pubkey` and \
         `openssl pkey -in KEY -pubout` show the same for a pair."
    )]
    CertificateKeyMismatch {
        /// Its subject.
        subject: String,
    },
    /// The certificate's time is over; nothing was sent.
    #[error(
        "The client certificate {subject} has expired: it was valid from {from} until {until}, now is {now:.0}. Nothing was \
         sent. Make a new one, upload its public part in the Entra admin center under App registrations, Certificates & \
         secrets, Certificates, and name it in the domain file."
    )]
    CertificateOver {
        /// Its subject.
        subject: String,
        /// Its first moment.
        from: Timestamp,
        /// Its last moment.
        until: Timestamp,
        /// This machine's time.
        now: Timestamp,
    },
    /// The certificate's time has not come; nothing was sent.
    #[error(
        "The client certificate {subject} is not valid yet: it is valid from {from} until {until}, now is {now:.0}. Nothing \
         was sent. Wait for that time, or set this machine's clock if it is wrong."
    )]
    CertificateNotYet {
        /// Its subject.
        subject: String,
        /// Its first moment.
        from: Timestamp,
        /// Its last moment.
        until: Timestamp,
        /// This machine's time.
        now: Timestamp,
    },
    /// No metadata service answers.
    #[error(
        "Sign-in with the managed identity failed: this machine has no metadata service of Azure ({detail}). Run it on an \
         Azure machine, App Service or Functions app that has a managed identity, or choose another method."
    )]
    NoManagedIdentity {
        /// What the connection said.
        detail: String,
    },
    /// The metadata service knows no such identity.
    #[error(
        "Sign-in with the managed identity failed: {} is not assigned to this machine ({detail}). Assign it in the Azure \
         portal on the resource's Identity page.",
        identity(.client_id.as_deref())
    )]
    IdentityNotAssigned {
        /// The client id of the user-assigned identity; `None`: the system-assigned one.
        client_id: Option<String>,
        /// What the service said, redacted.
        detail: String,
    },
    /// Neither a token file nor a GitHub job.
    #[error(
        "Sign-in with the workload identity failed: there is no federated token. In Kubernetes, label the pod \
         azure.workload.identity/use: \"true\", which sets AZURE_FEDERATED_TOKEN_FILE; in GitHub Actions, give the job \
         `permissions: id-token: write`; elsewhere, name the file as `token_file` under `microsoft.sign_in`."
    )]
    NoFederatedToken,
    /// GitHub issued no token for the job.
    #[error(
        "Sign-in with the workload identity failed: GitHub Actions issued no token ({detail}). Give the job \
         `permissions: id-token: write`; a pull request from a fork never gets one."
    )]
    GitHub {
        /// What it said, redacted.
        detail: String,
    },
    /// `az` is not there.
    #[error(
        "Sign-in with the Azure CLI failed: `az` is not found on PATH. Install the Azure CLI \
         (https://aka.ms/azure-cli) and run `az login`, or choose another method."
    )]
    NoAzureCli,
    /// `az` has no valid session.
    #[error(
        "Sign-in with the Azure CLI failed: nobody is signed in to it for this tenant ({detail}). Run \
         `az login --tenant {tenant} --allow-no-subscriptions`, then run again."
    )]
    AzureCliSignedOut {
        /// The tenant.
        tenant: String,
        /// What `az` said, redacted.
        detail: String,
    },
    /// A person is needed, and nobody is at a terminal.
    #[error(
        "Sign-in with the {method} needs a person at a terminal, and nobody is there. Without one use method client-certificate, \
         client-secret, managed-identity or workload-identity; or sign in once at a terminal with `cache: file` in the \
         domain file, which later runs then use."
    )]
    NobodyThere {
        /// The name of the method.
        method: &'static str,
    },
    /// A person's earlier sign-in is over, and nobody is at a terminal.
    #[error(
        "Sign-in with the {method} failed: the earlier sign-in cannot be continued, and nobody is at a terminal. Run again at a \
         terminal to sign in anew. Entra ID said: {detail}."
    )]
    SessionOver {
        /// The name of the method.
        method: &'static str,
        /// The reason, as a sentence.
        detail: String,
    },
    /// AADSTS700082, 50173 and their kin: a refresh token that is no longer good.
    #[error(
        "Sign-in failed: the earlier sign-in has ended or was revoked ({detail}). Sign in again."
    )]
    GrantOver {
        /// What Entra ID said, redacted.
        detail: String,
    },
    /// The person said no.
    #[error("Sign-in failed: the person declined it. Run again to be asked anew.")]
    Declined,
    /// The code was not entered in time.
    #[error(
        "Sign-in failed: nobody signed in before the time was over. Run again to be asked anew."
    )]
    CodeExpired,
    /// The cache can be read by others.
    #[error(
        "The token cache {path} is refused: others can read it. Take its rights away with `chmod {mode} {path}` if nobody \
         has used them, or forget it with `rollout microsoft sign-out FILE` and revoke the account's sessions in the Entra \
         admin center under Users, \"Revoke sessions\"."
    )]
    CacheOpen {
        /// The file or folder.
        path: String,
        /// The rights it should have.
        mode: &'static str,
    },
    /// The cache cannot be read or written.
    #[error(
        "The token cache {path} cannot be used: {detail}. `rollout microsoft sign-out FILE` takes it away."
    )]
    CacheUnusable {
        /// The file.
        path: String,
        /// Why.
        detail: String,
    },
    /// AADSTS90033, 50196, HTTP 429 or 5xx.
    #[error("Sign-in failed: Entra ID is busy ({detail}). Run again later.")]
    AuthorityBusy {
        /// What it said, redacted.
        detail: String,
    },
    /// No connection to the authority.
    #[error(
        "Sign-in failed: {authority} cannot be reached ({detail}). Check the network, the proxy and the firewall for HTTPS to that host."
    )]
    AuthorityDown {
        /// The authority's address.
        authority: String,
        /// What the connection said.
        detail: String,
    },
    /// Something answered, but not as Entra ID does.
    #[error(
        "Sign-in failed: {authority} did not answer like Entra ID ({detail}). Check the authority's address and the proxy."
    )]
    NotEntra {
        /// The authority's address.
        authority: String,
        /// What came, redacted.
        detail: String,
    },
    /// The machine, tool or file that should supply the identity does not.
    #[error("Sign-in with the {method} failed: {detail}.")]
    Source {
        /// The name of the method.
        method: &'static str,
        /// What it said, redacted.
        detail: String,
    },
    /// Any other code.
    #[error(
        "Sign-in failed: {detail}. Look the AADSTS code up at https://login.microsoftonline.com/error."
    )]
    Other {
        /// What Entra ID said, redacted.
        detail: String,
    },
}

fn identity(client_id: Option<&str>) -> String {
    client_id.map_or_else(
        || "a system-assigned identity".to_owned(),
        |id| format!("the identity {id}"),
    )
}

/// What a code means; `error` is the answer's `error`, `detail` its text, redacted.
pub(super) fn of_code(code: Option<u32>, status: u16, error: &str, detail: String) -> SignInReason {
    let lower = detail.to_ascii_lowercase();
    match code {
        Some(7_000_215) => SignInReason::WrongSecret,
        Some(7_000_222) => SignInReason::ExpiredSecret,
        Some(7_000_218) => SignInReason::NotPublic,
        Some(700_016) => SignInReason::UnknownClient,
        Some(90_002 | 900_023 | 900_382 | 90_051) => SignInReason::UnknownTenant,
        Some(50_020 | 50_034 | 51_004) => SignInReason::WrongAccount { detail },
        Some(65_001 | 65_004 | 90_094 | 650_052 | 650_056) => SignInReason::ConsentMissing,
        Some(65_002) => SignInReason::NotPreauthorized,
        Some(50_011 | 500_113) => SignInReason::NoLoopback,
        Some(
            53_000..=53_011
            | 50_076
            | 50_079
            | 50_005
            | 50_158
            | 50_072
            | 50_074
            | 530_003..=530_036,
        ) => SignInReason::ConditionalAccess { detail },
        Some(501_051 | 50_105) => SignInReason::NotAssigned,
        Some(7_000_112 | 700_005) => SignInReason::Disabled,
        Some(50_057 | 50_053) => SignInReason::UserDisabled,
        Some(500_011 | 500_341 | 650_057 | 500_014) => SignInReason::UnknownResource { detail },
        Some(700_027 | 1_000_502) if lower.contains("expired") || code == Some(1_000_502) => {
            SignInReason::ExpiredCertificate { detail }
        }
        Some(700_027) if lower.contains("not found") || lower.contains("not registered") => {
            SignInReason::CertificateNotRegistered { detail }
        }
        Some(700_024 | 500_133) => SignInReason::ClockSkew {
            detail,
            now: Timestamp::now(),
        },
        Some(70_021 | 700_211..=700_213 | 700_223 | 700_238) => {
            SignInReason::NotFederated { detail }
        }
        Some(700_027 | 700_021..=700_023 | 700_214 | 50_027 | 50_012 | 700_030) => {
            SignInReason::BadAssertion { detail }
        }
        Some(700_082 | 700_084 | 70_043 | 70_008 | 50_173 | 50_132 | 50_133 | 50_078 | 54_005) => {
            SignInReason::GrantOver { detail }
        }
        Some(90_033 | 50_196 | 90_006 | 90_012 | 90_020) => SignInReason::AuthorityBusy { detail },
        _ if status == 429 || status >= 500 || error == "temporarily_unavailable" => {
            SignInReason::AuthorityBusy { detail }
        }
        _ if error == "interaction_required" => SignInReason::ConditionalAccess { detail },
        _ if error == "consent_required" => SignInReason::ConsentMissing,
        _ => SignInReason::Other { detail },
    }
}
