#define _GNU_SOURCE
#include "CKerberos.h"
#include <errno.h>
#include <fcntl.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const size_t most_cache = 1 << 20;

int kerberos_use_configuration(const char *path) { return setenv("KRB5_CONFIG", path, 1); }

void kerberos_release(struct kerberos_outcome *outcome) {
    free(outcome->token);
    free(outcome->principal);
    free(outcome->local_name);
    if (outcome->cache) explicit_bzero(outcome->cache, outcome->cache_length);
    free(outcome->cache);
    free(outcome->error);
    memset(outcome, 0, sizeof *outcome);
}

static int note(struct kerberos_outcome *outcome, int result, const char *text) {
    free(outcome->error);
    outcome->error = strdup(text);
    return result;
}

static char *copy(gss_buffer_t buffer) {
    char *text = malloc(buffer->length + 1);
    if (!text) return NULL;
    memcpy(text, buffer->value, buffer->length);
    text[buffer->length] = 0;
    return text;
}

/* What the library says about the two numbers of a failure. */
static int gss_failed(struct kerberos_outcome *outcome, int result, OM_uint32 major, OM_uint32 minor) {
    char text[512] = "";
    OM_uint32 numbers[2] = {major, minor};
    int kinds[2] = {GSS_C_GSS_CODE, GSS_C_MECH_CODE};
    for (int place = 0; place < 2; place++) {
        if (place == 1 && minor == 0) break;
        OM_uint32 more = 0, ignored;
        gss_buffer_desc line = GSS_C_EMPTY_BUFFER;
        if (gss_display_status(&ignored, numbers[place], kinds[place], (gss_OID)gss_mech_krb5, &more, &line) !=
            GSS_S_COMPLETE)
            continue;
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%.*s", used ? ": " : "", (int)line.length, (char *)line.value);
        gss_release_buffer(&ignored, &line);
    }
    return note(outcome, result, text);
}

/* A folder of the process's own; `path` has room for it and the name of a file. */
static int private_file(char *path, size_t room) {
    const char *parent = getenv("TMPDIR");
    int length = snprintf(path, room, "%s/berth-krb5-XXXXXX", parent && *parent ? parent : "/tmp");
    if (length < 0 || (size_t)length + 8 > room) return -1;
    if (!mkdtemp(path)) return -1;
    strcat(path, "/cc");
    return 0;
}

/* Reads the file into the outcome, then removes it and its folder. */
static void take_cache(char *path, struct kerberos_outcome *outcome) {
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat facts;
    if (file >= 0 && fstat(file, &facts) == 0 && facts.st_size > 0 && (size_t)facts.st_size <= most_cache) {
        unsigned char *bytes = malloc((size_t)facts.st_size);
        if (bytes && read(file, bytes, (size_t)facts.st_size) == facts.st_size) {
            outcome->cache = bytes;
            outcome->cache_length = (size_t)facts.st_size;
        } else {
            free(bytes);
        }
    }
    if (file >= 0) close(file);
    unlink(path);
    char *name = strrchr(path, '/');
    if (name) *name = 0;
    rmdir(path);
}

/* The client's tickets, where it has handed them over. A login without them is still a login. */
static void keep_delegated(gss_cred_id_t delegated, struct kerberos_outcome *outcome) {
    char path[512], name[540];
    if (private_file(path, sizeof path) != 0) return;
    snprintf(name, sizeof name, "FILE:%s", path);
    gss_key_value_element_desc element = {.key = "ccache", .value = name};
    gss_key_value_set_desc place = {.count = 1, .elements = &element};
    OM_uint32 minor;
    gss_store_cred_into(&minor, delegated, GSS_C_INITIATE, (gss_OID)gss_mech_krb5, 1, 1, &place, NULL, NULL);
    take_cache(path, outcome);
}

static OM_uint32 acquire(const char *keytab, const char *acceptor, gss_cred_id_t *credentials, OM_uint32 *minor) {
    gss_name_t name = GSS_C_NO_NAME;
    if (strcmp(acceptor, "any") != 0) {
        gss_buffer_desc text = {.value = (void *)acceptor, .length = strlen(acceptor)};
        gss_OID kind =
            strcmp(acceptor, "host") == 0 ? GSS_C_NT_HOSTBASED_SERVICE : (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME;
        OM_uint32 major = gss_import_name(minor, &text, kind, &name);
        if (GSS_ERROR(major)) return major;
    }
    gss_key_value_element_desc element = {.key = "keytab", .value = keytab};
    gss_key_value_set_desc store = {.count = 1, .elements = &element};
    gss_OID_set_desc mechanisms = {.count = 1, .elements = (gss_OID)gss_mech_krb5};
    OM_uint32 major = gss_acquire_cred_from(minor, name, GSS_C_INDEFINITE, &mechanisms, GSS_C_ACCEPT, &store,
                                            credentials, NULL, NULL);
    OM_uint32 ignored;
    gss_release_name(&ignored, &name);
    return major;
}

static void describe(gss_name_t source, struct kerberos_outcome *outcome) {
    OM_uint32 minor;
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    if (gss_display_name(&minor, source, &text, NULL) == GSS_S_COMPLETE) {
        outcome->principal = copy(&text);
        gss_release_buffer(&minor, &text);
    }
    if (gss_localname(&minor, source, (gss_OID)gss_mech_krb5, &text) == GSS_S_COMPLETE) {
        outcome->local_name = copy(&text);
        gss_release_buffer(&minor, &text);
    }
}

int kerberos_accept(void **context, const char *keytab, const char *acceptor, const unsigned char *token,
                    size_t token_length, struct kerberos_outcome *outcome) {
    memset(outcome, 0, sizeof *outcome);
    OM_uint32 minor, ignored, flags = 0;
    gss_cred_id_t credentials = GSS_C_NO_CREDENTIAL, delegated = GSS_C_NO_CREDENTIAL;
    OM_uint32 major = acquire(keytab, acceptor, &credentials, &minor);
    if (GSS_ERROR(major)) return gss_failed(outcome, KERBEROS_FAILED, major, minor);
    gss_name_t source = GSS_C_NO_NAME;
    gss_OID mechanism = GSS_C_NO_OID;
    gss_buffer_desc in = {.value = (void *)token, .length = token_length}, out = GSS_C_EMPTY_BUFFER;
    gss_ctx_id_t established = *context;
    major = gss_accept_sec_context(&minor, &established, credentials, &in, GSS_C_NO_CHANNEL_BINDINGS, &source,
                                   &mechanism, &out, &flags, NULL, &delegated);
    *context = established;
    gss_release_cred(&ignored, &credentials);
    int result = KERBEROS_DONE;
    if (GSS_ERROR(major)) {
        result = gss_failed(outcome, KERBEROS_REFUSED, major, minor);
    } else if (out.length > 0) {
        outcome->token = (unsigned char *)copy(&out);
        outcome->token_length = outcome->token ? out.length : 0;
    }
    if (major == GSS_S_COMPLETE) {
        if (!(flags & GSS_C_INTEG_FLAG)) {
            result = note(outcome, KERBEROS_REFUSED, "the context has no integrity");
        } else {
            outcome->is_complete = 1;
            describe(source, outcome);
            if (delegated != GSS_C_NO_CREDENTIAL) keep_delegated(delegated, outcome);
        }
    }
    gss_release_buffer(&ignored, &out);
    if (source != GSS_C_NO_NAME) gss_release_name(&ignored, &source);
    if (delegated != GSS_C_NO_CREDENTIAL) gss_release_cred(&ignored, &delegated);
    return result;
}

int kerberos_verify(void *context, const unsigned char *text, size_t text_length, const unsigned char *mic,
                    size_t mic_length, struct kerberos_outcome *outcome) {
    memset(outcome, 0, sizeof *outcome);
    gss_buffer_desc message = {.value = (void *)text, .length = text_length};
    gss_buffer_desc code = {.value = (void *)mic, .length = mic_length};
    OM_uint32 minor;
    OM_uint32 major = gss_verify_mic(&minor, context, &message, &code, NULL);
    return GSS_ERROR(major) ? gss_failed(outcome, KERBEROS_REFUSED, major, minor) : KERBEROS_DONE;
}

void kerberos_forget(void *context) {
    OM_uint32 minor;
    gss_ctx_id_t established = context;
    if (established != GSS_C_NO_CONTEXT) gss_delete_sec_context(&minor, &established, GSS_C_NO_BUFFER);
}

/* MARK: Passwords */

static int krb_failed(krb5_context library, struct kerberos_outcome *outcome, int result, krb5_error_code code) {
    const char *text = krb5_get_error_message(library, code);
    note(outcome, result, text ? text : "unknown");
    if (text) krb5_free_error_message(library, text);
    return result;
}

/* Whether the KDC has answered, and said no. */
static int is_refusal(krb5_error_code code) {
    switch (code) {
    case KRB5KDC_ERR_PREAUTH_FAILED:
    case KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN:
    case KRB5KRB_AP_ERR_BAD_INTEGRITY:
    case KRB5KDC_ERR_KEY_EXP:
    case KRB5KDC_ERR_CLIENT_REVOKED:
    case KRB5KDC_ERR_NAME_EXP:
    case KRB5KDC_ERR_POLICY:
    case KRB5_LIBOS_CANTREADPWD:
    case KRB5_LIBOS_PWDINTR:
    case KRB5_PARSE_MALFORMED: return 1;
    default: return 0;
    }
}

static krb5_error_code service(krb5_context library, const char *acceptor, krb5_principal *result) {
    *result = NULL;
    if (strcmp(acceptor, "any") == 0) return 0;
    if (strcmp(acceptor, "host") == 0)
        return krb5_sname_to_principal(library, NULL, "host", KRB5_NT_SRV_HST, result);
    return krb5_parse_name(library, acceptor, result);
}

static void keep_ticket(krb5_context library, krb5_principal client, krb5_creds *ticket,
                        struct kerberos_outcome *outcome) {
    char path[512], name[540];
    if (private_file(path, sizeof path) != 0) return;
    snprintf(name, sizeof name, "FILE:%s", path);
    krb5_ccache cache = NULL;
    if (krb5_cc_resolve(library, name, &cache) == 0) {
        if (krb5_cc_initialize(library, cache, client) == 0) krb5_cc_store_cred(library, cache, ticket);
        krb5_cc_close(library, cache);
    }
    take_cache(path, outcome);
}

int kerberos_password(const char *name, const char *password, const char *keytab, const char *acceptor,
                      struct kerberos_outcome *outcome) {
    memset(outcome, 0, sizeof *outcome);
    krb5_context library = NULL;
    if (krb5_init_context(&library) != 0) return note(outcome, KERBEROS_FAILED, "krb5.conf cannot be used");
    krb5_principal client = NULL, server = NULL;
    krb5_keytab keys = NULL;
    krb5_creds ticket;
    memset(&ticket, 0, sizeof ticket);
    int result = KERBEROS_DONE;
    krb5_error_code code = krb5_parse_name(library, name, &client);
    if (code == 0) code = krb5_get_init_creds_password(library, &ticket, client, password, NULL, NULL, 0, NULL, NULL);
    if (code != 0) {
        result = krb_failed(library, outcome, is_refusal(code) ? KERBEROS_REFUSED : KERBEROS_FAILED, code);
        goto end;
    }
    code = krb5_kt_resolve(library, keytab, &keys);
    if (code == 0) code = service(library, acceptor, &server);
    if (code == 0) {
        krb5_verify_init_creds_opt options;
        krb5_verify_init_creds_opt_init(&options);
        krb5_verify_init_creds_opt_set_ap_req_nofail(&options, 1);
        code = krb5_verify_init_creds(library, &ticket, server, keys, NULL, &options);
    }
    if (code != 0) {
        /* A KDC that does not know our key, or a keytab that nobody can read: no verdict. */
        result = krb_failed(library, outcome, KERBEROS_FAILED, code);
        goto end;
    }
    outcome->is_complete = 1;
    char *full = NULL;
    if (krb5_unparse_name(library, client, &full) == 0) {
        outcome->principal = strdup(full);
        krb5_free_unparsed_name(library, full);
    }
    char local[256];
    if (krb5_aname_to_localname(library, client, sizeof local, local) == 0) outcome->local_name = strdup(local);
    keep_ticket(library, client, &ticket, outcome);
end:
    krb5_free_cred_contents(library, &ticket);
    krb5_free_principal(library, client);
    krb5_free_principal(library, server);
    if (keys) krb5_kt_close(library, keys);
    krb5_free_context(library);
    return result;
}

int kerberos_check_keytab(const char *keytab, struct kerberos_outcome *outcome) {
    memset(outcome, 0, sizeof *outcome);
    krb5_context library = NULL;
    if (krb5_init_context(&library) != 0) return note(outcome, KERBEROS_FAILED, "krb5.conf cannot be used");
    krb5_keytab keys = NULL;
    krb5_error_code code = krb5_kt_resolve(library, keytab, &keys);
    if (code == 0) code = krb5_kt_have_content(library, keys);
    int result = code == 0 ? KERBEROS_DONE : krb_failed(library, outcome, KERBEROS_FAILED, code);
    if (keys) krb5_kt_close(library, keys);
    krb5_free_context(library);
    return result;
}
