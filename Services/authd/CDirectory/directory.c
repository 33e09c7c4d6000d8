#define _GNU_SOURCE
#include "CDirectory.h"
#include <lber.h>
#include <ldap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

/* No answer is longer: an entry with pictures or a group of many thousands. */
static const ber_len_t most_bytes = 16 << 20;

void directory_release(struct directory_outcome *outcome) {
    for (size_t place = 0; place < outcome->count; place++) {
        free(outcome->values[place].attribute);
        free(outcome->values[place].bytes);
    }
    free(outcome->values);
    free(outcome->error);
    memset(outcome, 0, sizeof *outcome);
}

static void begin(struct directory_outcome *outcome) {
    memset(outcome, 0, sizeof *outcome);
    outcome->policy = -1;
}

static struct timeval interval(long milliseconds) {
    return (struct timeval){.tv_sec = milliseconds / 1000, .tv_usec = (milliseconds % 1000) * 1000};
}

static int kind(int code) {
    switch (code) {
    case LDAP_SUCCESS: return DIRECTORY_DONE;
    case LDAP_SERVER_DOWN:
    case LDAP_CONNECT_ERROR: return DIRECTORY_LOST;
    case LDAP_TIMEOUT: return DIRECTORY_SILENT;
    case LDAP_OPERATIONS_ERROR:
    case LDAP_PROTOCOL_ERROR:
    case LDAP_TIMELIMIT_EXCEEDED:
    case LDAP_STRONG_AUTH_REQUIRED:
    case LDAP_CONFIDENTIALITY_REQUIRED:
    case LDAP_BUSY:
    case LDAP_UNAVAILABLE:
    case LDAP_OTHER: return DIRECTORY_FAILED;
    default: return code > 0 ? DIRECTORY_REFUSED : DIRECTORY_FAILED;
    }
}

static int note(struct directory_outcome *outcome, int result, int code, const char *more) {
    free(outcome->error);
    outcome->error = NULL;
    int has_more = more && *more;
    if (asprintf(&outcome->error, "%s%s%s", ldap_err2string(code), has_more ? ": " : "", has_more ? more : "") < 0)
        outcome->error = NULL;
    return result;
}

/* What the library itself knows about its last failure, as what is wrong with a certificate. */
static int library_failed(LDAP *library, struct directory_outcome *outcome, int code) {
    char *more = NULL;
    ldap_get_option(library, LDAP_OPT_DIAGNOSTIC_MESSAGE, &more);
    int result = note(outcome, kind(code), code, more);
    if (more) ldap_memfree(more);
    return result == DIRECTORY_DONE ? DIRECTORY_FAILED : result;
}

static int set_options(LDAP *library, const struct directory_server *server) {
    int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, fresh = 0, never = LDAP_DEREF_NEVER;
    int least = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;
    struct timeval connect = interval(server->connect_milliseconds), answer = interval(server->answer_milliseconds);
    ber_len_t most = most_bytes;
    Sockbuf *socket = NULL;
    int failed = ldap_set_option(library, LDAP_OPT_PROTOCOL_VERSION, &version) |
                 ldap_set_option(library, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) |
                 ldap_set_option(library, LDAP_OPT_DEREF, &never) |
                 ldap_set_option(library, LDAP_OPT_RESTART, LDAP_OPT_ON) |
                 ldap_set_option(library, LDAP_OPT_NETWORK_TIMEOUT, &connect) |
                 ldap_set_option(library, LDAP_OPT_TIMEOUT, &answer) |
                 ldap_set_option(library, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) |
                 ldap_set_option(library, LDAP_OPT_X_TLS_PROTOCOL_MIN, &least);
    if (server->authorities)
        failed |= ldap_set_option(library, LDAP_OPT_X_TLS_CACERTFILE, server->authorities);
    /* Last of all: it makes what the options above say the handle's own. */
    failed |= ldap_set_option(library, LDAP_OPT_X_TLS_NEWCTX, &fresh);
    failed |= ldap_get_option(library, LDAP_OPT_SOCKBUF, &socket);
    return failed || ber_sockbuf_ctrl(socket, LBER_SB_OPT_SET_MAX_INCOMING, &most) != 1;
}

int directory_open(void **handle, const struct directory_server *server, struct directory_outcome *outcome) {
    begin(outcome);
    *handle = NULL;
    LDAP *library = NULL;
    int code = ldap_initialize(&library, server->url);
    if (code != LDAP_SUCCESS) return note(outcome, DIRECTORY_FAILED, code, server->url);
    if (set_options(library, server)) {
        ldap_unbind_ext_s(library, NULL, NULL);
        return note(outcome, DIRECTORY_FAILED, LDAP_PARAM_ERROR, "TLS cannot be set up");
    }
    if (server->starts_tls && (code = ldap_start_tls_s(library, NULL, NULL)) != LDAP_SUCCESS) {
        int result = library_failed(library, outcome, code);
        ldap_unbind_ext_s(library, NULL, NULL);
        return result == DIRECTORY_REFUSED ? DIRECTORY_FAILED : result;
    }
    *handle = library;
    return DIRECTORY_DONE;
}

void directory_close(void *handle) {
    if (handle) ldap_unbind_ext_s(handle, NULL, NULL);
}

/* Waits for the answer of a call; NULL with the outcome's error set. */
static LDAPMessage *await(LDAP *library, int number, long milliseconds, struct directory_outcome *outcome,
                          int *result) {
    struct timeval longest = interval(milliseconds);
    LDAPMessage *message = NULL;
    int found = ldap_result(library, number, LDAP_MSG_ALL, &longest, &message);
    if (found > 0) return message;
    if (found == 0) {
        ldap_abandon_ext(library, number, NULL, NULL);
        *result = note(outcome, DIRECTORY_SILENT, LDAP_TIMEOUT, NULL);
        return NULL;
    }
    int code = LDAP_OTHER;
    ldap_get_option(library, LDAP_OPT_RESULT_CODE, &code);
    *result = library_failed(library, outcome, code);
    return NULL;
}

static void read_policy(LDAP *library, LDAPControl **controls, struct directory_outcome *outcome) {
    LDAPControl *answer = ldap_control_find(LDAP_CONTROL_PASSWORDPOLICYRESPONSE, controls, NULL);
    if (!answer) return;
    ber_int_t expires, grace;
    LDAPPasswordPolicyError error = PP_noError;
    if (ldap_parse_passwordpolicy_control(library, answer, &expires, &grace, &error) == LDAP_SUCCESS &&
        error != PP_noError)
        outcome->policy = error;
}

int directory_bind(void *handle, const char *name, const unsigned char *password, size_t length,
                   long milliseconds, struct directory_outcome *outcome) {
    begin(outcome);
    LDAP *library = handle;
    struct berval credentials = {.bv_len = length, .bv_val = (char *)password};
    LDAPControl policy = {.ldctl_oid = LDAP_CONTROL_PASSWORDPOLICYREQUEST};
    LDAPControl *controls[] = {&policy, NULL};
    int number = 0;
    int code = ldap_sasl_bind(library, name, LDAP_SASL_SIMPLE, &credentials, controls, NULL, &number);
    if (code != LDAP_SUCCESS) return library_failed(library, outcome, code);
    int result = DIRECTORY_FAILED;
    LDAPMessage *message = await(library, number, milliseconds, outcome, &result);
    if (!message) return result;
    char *more = NULL;
    LDAPControl **answers = NULL;
    int verdict = LDAP_OTHER;
    code = ldap_parse_result(library, message, &verdict, NULL, &more, NULL, &answers, 1);
    if (code != LDAP_SUCCESS) return note(outcome, DIRECTORY_FAILED, code, NULL);
    if (answers) {
        read_policy(library, answers, outcome);
        ldap_controls_free(answers);
    }
    result = kind(verdict);
    if (verdict != LDAP_SUCCESS) note(outcome, result, verdict, more);
    if (more) ldap_memfree(more);
    return result;
}

/* MARK: Searches */

static int keep(struct directory_outcome *outcome, size_t *room, const char *attribute, const void *bytes,
                size_t length) {
    if (outcome->count == *room) {
        size_t more = *room ? *room * 2 : 64;
        void *values = realloc(outcome->values, more * sizeof *outcome->values);
        if (!values) return 0;
        outcome->values = values;
        *room = more;
    }
    struct directory_value value = {.entry = outcome->entries, .length = length};
    value.attribute = strdup(attribute);
    value.bytes = malloc(length + 1);
    if (!value.attribute || !value.bytes) {
        free(value.attribute);
        free(value.bytes);
        return 0;
    }
    memcpy(value.bytes, bytes, length);
    outcome->values[outcome->count++] = value;
    return 1;
}

static int take_entry(LDAP *library, LDAPMessage *entry, struct directory_outcome *outcome, size_t *room) {
    char *name = ldap_get_dn(library, entry);
    int is_kept = name && keep(outcome, room, "", name, strlen(name));
    if (name) ldap_memfree(name);
    BerElement *place = NULL;
    char *attribute = ldap_first_attribute(library, entry, &place);
    while (attribute) {
        struct berval **values = ldap_get_values_len(library, entry, attribute);
        for (int number = 0; values && values[number]; number++)
            is_kept = is_kept && keep(outcome, room, attribute, values[number]->bv_val, values[number]->bv_len);
        if (values) ldap_value_free_len(values);
        ldap_memfree(attribute);
        attribute = ldap_next_attribute(library, entry, place);
    }
    if (place) ber_free(place, 0);
    outcome->entries++;
    return is_kept;
}

int directory_search(void *handle, const char *base, int is_subtree, const char *filter,
                     const char *attributes, int most, long milliseconds, struct directory_outcome *outcome) {
    begin(outcome);
    LDAP *library = handle;
    char *names = strdup(attributes), *list[64], *rest = names;
    size_t count = 0;
    if (!names) return note(outcome, DIRECTORY_FAILED, LDAP_NO_MEMORY, NULL);
    for (char *name; count < 63 && (name = strsep(&rest, " "));)
        if (*name) list[count++] = name;
    if (count == 0) list[count++] = LDAP_NO_ATTRS;
    list[count] = NULL;
    struct timeval longest = interval(milliseconds);
    int number = 0;
    int code = ldap_search_ext(library, base, is_subtree ? LDAP_SCOPE_SUBTREE : LDAP_SCOPE_BASE, filter, list, 0,
                               NULL, NULL, &longest, most, &number);
    free(names);
    if (code != LDAP_SUCCESS) return library_failed(library, outcome, code);
    int result = DIRECTORY_FAILED;
    LDAPMessage *chain = await(library, number, milliseconds, outcome, &result);
    if (!chain) return result;
    int verdict = LDAP_OTHER;
    char *more = NULL;
    code = ldap_parse_result(library, chain, &verdict, NULL, &more, NULL, NULL, 0);
    if (code != LDAP_SUCCESS) verdict = code;
    switch (verdict) {
    case LDAP_SIZELIMIT_EXCEEDED:
    case LDAP_ADMINLIMIT_EXCEEDED: outcome->is_truncated = 1; result = DIRECTORY_DONE; break;
    case LDAP_NO_SUCH_OBJECT:
    case LDAP_INVALID_DN_SYNTAX:
    case LDAP_REFERRAL: result = DIRECTORY_DONE; break;
    default: result = kind(verdict); note(outcome, result, verdict, more);
    }
    size_t room = 0;
    for (LDAPMessage *entry = ldap_first_entry(library, chain); entry && result == DIRECTORY_DONE;
         entry = ldap_next_entry(library, entry))
        if (!take_entry(library, entry, outcome, &room)) result = note(outcome, DIRECTORY_FAILED, LDAP_NO_MEMORY, NULL);
    if (more) ldap_memfree(more);
    ldap_msgfree(chain);
    return result;
}

int directory_parse_name(const char *name, char **normalized, char **first) {
    *normalized = *first = NULL;
    LDAPDN parts = NULL;
    if (ldap_str2dn(name, &parts, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS || !parts) return 0;
    char *text = NULL;
    if (parts[0] && parts[0][0] && ldap_dn2str(parts, &text, LDAP_DN_FORMAT_LDAPV3) == LDAP_SUCCESS) {
        *normalized = strdup(text);
        *first = strndup(parts[0][0]->la_value.bv_val, parts[0][0]->la_value.bv_len);
        ldap_memfree(text);
    }
    ldap_dnfree(parts);
    return *normalized && *first;
}
