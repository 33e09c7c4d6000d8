/// Codes of logins through an OAuth2 or OpenID Connect provider.
extension MessageCode {
    package static let authOAuth2Accepted = MessageCode(
        "AUTH_OAUTH2_ACCEPTED",
        .info,
        explanation: "Somebody has proved who they are at the OAuth2 or OpenID Connect provider.",
        remedy: "Nothing."
    )

    package static let authOAuth2Pending = MessageCode(
        "AUTH_OAUTH2_AUTHORIZATION_PENDING",
        .debug,
        explanation: """
            The provider was asked whether the person has logged in there, and they have not \
            yet.
            """,
        remedy: "Nothing."
    )

    package static let oauthDeviceFlowRateLimitExceeded = MessageCode(
        "OAUTH_DEVICE_FLOW_RATE_LIMIT_EXCEEDED",
        .debug,
        explanation: """
            The provider wants to be asked less often whether the person has logged in there; \
            from now on it is.
            """,
        remedy: "Nothing."
    )

    package static let authOAuth2DeviceCodeFailed = MessageCode(
        "AUTH_OAUTH2_DEVICE_CODE_REQUEST_FAILED",
        .warning,
        explanation: """
            The provider gave no code for the device flow; where the login by code is set up \
            too, it takes its place.
            """,
        personText: "Logging in is not possible right now. Please try again later.",
        remedy: """
            Check that the device flow is switched on for this client at the provider; the cause \
            is in the record.
            """
    )

    package static let authOAuth2Timeout = MessageCode(
        "AUTH_OAUTH2_TIMEOUT",
        .info,
        explanation: "The person did not log in at the provider in time.",
        personText: "The time for logging in is over. Please try again.",
        remedy: "Nothing, or a longer `authTimeout` and `ssh.loginGraceTime`."
    )

    package static let authOAuth2Denied = MessageCode(
        "AUTH_OAUTH2_DENIED",
        .info,
        explanation: "The person, or the provider, has said no at the provider.",
        personText: "The login was denied.",
        remedy: "Nothing."
    )

    package static let authOAuth2CodeRefused = MessageCode(
        "AUTH_OAUTH2_CODE_REFUSED",
        .info,
        explanation: """
            The provider does not take the code: it is old, was used before, or is of another \
            login.
            """,
        personText: "The code was not accepted. Please try again.",
        remedy: """
            Nothing, if the person has waited too long; else see whether `redirectURI` is the \
            one that the provider knows.
            """
    )

    package static let authOAuthStateMismatch = MessageCode(
        "AUTH_OAUTH_STATE_MISMATCH",
        .warning,
        explanation: """
            What the person pasted is not the code of their own login, or an answer came for a \
            login that this connection did not begin.
            """,
        personText: "This is not the code of this login. Please try again.",
        remedy: """
            If it happens often, somebody may be given codes by a stranger; the label reason \
            says what was pasted.
            """
    )

    package static let oauthIncorrectClientCredentials = MessageCode(
        "OAUTH_INCORRECT_CLIENT_CREDENTIALS",
        .error,
        explanation: "The provider does not accept `clientId` and `clientSecret`.",
        personText: "Logging in is not possible right now. Please try again later.",
        remedy: """
            Copy both from the provider again, and see that they belong to the client that is \
            meant.
            """
    )

    package static let authOAuth2UserDoesNotMatch = MessageCode(
        "AUTH_OAUTH2_USER_DOES_NOT_MATCH",
        .info,
        explanation: """
            The person has another name at the provider than the one they typed, and \
            `enforceUsername` is on.
            """,
        personText: "Your name at the provider is not the one you log in with.",
        remedy: "Nothing, if they log in with the right name."
    )

    package static let authOAuth2NoUsername = MessageCode(
        "AUTH_OAUTH2_NO_USERNAME",
        .error,
        explanation: "A generic provider did not say who the person is, so nobody can be let in.",
        personText: "Logging in is not possible right now. Please try again later.",
        remedy: """
            Set `generic.userInfoURL` and `generic.usernameField` to where the provider tells \
            the name.
            """
    )

    package static let authOAuth2TokenFailed = MessageCode(
        "AUTH_OAUTH2_TOKEN_FAILED",
        .error,
        explanation: "A generic provider gave no token for a code, or did not tell whose it is.",
        personText: "Logging in is not possible right now. Please try again later.",
        remedy: """
            Check `generic.tokenEndpoint` and `generic.userInfoURL`; the cause is in the record.
            """
    )

    package static let authOAuth2Busy = MessageCode(
        "AUTH_OAUTH2_BUSY",
        .warning,
        explanation: "More logins are under way at the provider than are kept.",
        personText: "Logging in is not possible right now. Please try again later.",
        remedy: "See whether somebody begins logins in masses; lower `limits.perSource` if so."
    )

    package static let authOAuth2PageUnusable = MessageCode(
        "AUTH_OAUTH2_PAGE_UNUSABLE",
        .error,
        explanation: """
            `redirect.webroot` holds no index.html that can be read, so the process does not \
            start.
            """,
        remedy: "Put the page there, or leave `webroot` empty for the built-in one."
    )

    package static let githubAccessTokenFetchFailed = MessageCode(
        "GITHUB_ACCESS_TOKEN_FETCH_FAILED",
        .error,
        explanation: "GitHub gave no token, or none that can be used.",
        personText: "Logging in is not possible right now. Please try again later.",
        remedy: "Check that `github.url` can be reached; the cause is in the record."
    )

    package static let githubUserRequestFailed = MessageCode(
        "GITHUB_USER_REQUEST_FAILED",
        .error,
        explanation: """
            GitHub did not tell who the person is, or whether they are in the organization.
            """,
        personText: "Logging in is not possible right now. Please try again later.",
        remedy: "Check that `github.apiurl` can be reached; the cause is in the record."
    )

    package static let githubUserDoesNotMatch = MessageCode(
        "GITHUB_USER_DOES_NOT_MATCH",
        .info,
        explanation: """
            The person has another name at GitHub than the one they typed, and `enforceUsername` \
            is on.
            """,
        personText: "Your name at GitHub is not the one you log in with.",
        remedy: "Nothing, if they log in with their name at GitHub."
    )

    package static let github2FANotEnabled = MessageCode(
        "GITHUB_2FA_NOT_ENABLED",
        .info,
        explanation: """
            The person has no second factor at GitHub, or GitHub does not say so, and \
            `require2FA` is on.
            """,
        personText: """
            Please turn on two-factor authentication at GitHub, and grant the permission to see \
            it.
            """,
        remedy: "Nothing."
    )

    package static let githubRequiredScopeNotGranted = MessageCode(
        "GITHUB_REQUIRED_SCOPE_NOT_GRANTED",
        .info,
        explanation: """
            The person did not grant a permission that is needed; the label reason names it.
            """,
        personText: "A permission that is needed was not granted at GitHub.",
        remedy: "Nothing, if the person grants it the next time."
    )

    package static let githubNotInOrganization = MessageCode(
        "GITHUB_NOT_IN_ORGANIZATION",
        .info,
        explanation: """
            The person is no active member of the organization that `requireOrgMembership` \
            names.
            """,
        personText: "You are not a member of the organization that may log in here.",
        remedy: "Nothing; or see that the organization lets this application look at its members."
    )

    package static let oidcDiscoveryFailed = MessageCode(
        "OIDC_DISCOVERY_FAILED",
        .error,
        explanation: """
            The provider's own description cannot be had or used, or is of another issuer.
            """,
        personText: "Logging in is not possible right now. Please try again later.",
        remedy: """
            Open `.well-known/openid-configuration` below `oidc.url` and compare its issuer; the \
            cause is in the record.
            """
    )

    package static let oidcKeysFailed = MessageCode(
        "OIDC_KEYS_FAILED",
        .error,
        explanation: "The keys with which the provider signs cannot be had.",
        personText: "Logging in is not possible right now. Please try again later.",
        remedy: "Check that the provider's jwks_uri can be reached; the cause is in the record."
    )

    package static let oidcAccessTokenFetchFailed = MessageCode(
        "OIDC_ACCESS_TOKEN_FETCH_FAILED",
        .error,
        explanation: "The provider gave no token, or none that can be used.",
        personText: "Logging in is not possible right now. Please try again later.",
        remedy: "Check that the provider can be reached; the cause is in the record."
    )

    package static let oidcIDTokenInvalid = MessageCode(
        "OIDC_ID_TOKEN_INVALID",
        .warning,
        explanation: """
            The ID token does not prove who the person is; the label reason says what is wrong \
            with it.
            """,
        personText: "The login could not be verified. Please try again.",
        remedy: """
            Compare the clocks, `oidc.url` and `clientId`; if they are right, somebody may have \
            tried to get in with another token.
            """
    )

    package static let oidcUserInfoFetchFailed = MessageCode(
        "OIDC_USER_INFO_FETCH_FAILED",
        .error,
        explanation: "The provider did not tell more about the person.",
        personText: "Logging in is not possible right now. Please try again later.",
        remedy: """
            Check that the provider's userinfo_endpoint can be reached; the cause is in the \
            record.
            """
    )

    package static let oidcNoUsername = MessageCode(
        "OIDC_NO_USERNAME",
        .error,
        explanation: """
            The provider did not say the claim that `oidc.usernameField` names, or it is no name \
            that can be trusted.
            """,
        personText: "Logging in is not possible right now. Please try again later.",
        remedy: "Ask for the scope that brings the claim with `oidc.extraScopes`, or name another."
    )

    package static let oidcRequiredScopeNotGranted = MessageCode(
        "OIDC_REQUIRED_SCOPE_NOT_GRANTED",
        .info,
        explanation: """
            The person did not grant a permission that `oidc.enforceScopes` demands; the label \
            reason names it.
            """,
        personText: "A permission that is needed was not granted.",
        remedy: "Nothing, if the person grants it the next time."
    )

    static let oauth2Codes: [MessageCode] = [
        authOAuth2Accepted, authOAuth2Pending,
        oauthDeviceFlowRateLimitExceeded, authOAuth2DeviceCodeFailed, authOAuth2Timeout,
        authOAuth2Denied, authOAuth2CodeRefused, authOAuthStateMismatch,
        oauthIncorrectClientCredentials, authOAuth2UserDoesNotMatch, authOAuth2NoUsername,
        authOAuth2TokenFailed, authOAuth2Busy, authOAuth2PageUnusable,
        githubAccessTokenFetchFailed, githubUserRequestFailed, githubUserDoesNotMatch,
        github2FANotEnabled, githubRequiredScopeNotGranted, githubNotInOrganization,
        oidcDiscoveryFailed, oidcKeysFailed, oidcAccessTokenFetchFailed, oidcIDTokenInvalid,
        oidcUserInfoFetchFailed, oidcNoUsername, oidcRequiredScopeNotGranted,
    ]
}
