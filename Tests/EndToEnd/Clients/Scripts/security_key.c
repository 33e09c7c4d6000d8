/* A security key in software, as OpenSSH's client loads one (sk-api, version 10). Touching it is
 * what the caller asks for: keys made with -O no-touch-required sign without. The key handle is
 * the private key itself. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALGORITHM_ECDSA 0
#define FAILED (-1)

struct enroll_response {
    uint8_t flags;
    uint8_t *public_key;
    size_t public_key_len;
    uint8_t *key_handle;
    size_t key_handle_len;
    uint8_t *signature;
    size_t signature_len;
    uint8_t *attestation_cert;
    size_t attestation_cert_len;
    uint8_t *authdata;
    size_t authdata_len;
};

struct sign_response {
    uint8_t flags;
    uint32_t counter;
    uint8_t *sig_r;
    size_t sig_r_len;
    uint8_t *sig_s;
    size_t sig_s_len;
};

uint32_t sk_api_version(void) { return 0x000a0000; }

static uint8_t *copy(const void *bytes, size_t length) {
    uint8_t *memory = malloc(length ? length : 1);
    if (memory) memcpy(memory, bytes, length);
    return memory;
}

static int raw_ecdsa(EVP_PKEY *key, uint8_t *point, uint8_t *scalar) {
    size_t length = 0;
    BIGNUM *number = NULL;
    if (!EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, 65, &length)) return 0;
    if (!EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number)) return 0;
    int done = BN_bn2binpad(number, scalar, 32) == 32;
    BN_free(number);
    return done;
}

int sk_enroll(uint32_t algorithm, const uint8_t *challenge, size_t challenge_len,
              const char *application, uint8_t flags, const char *pin, void **options,
              struct enroll_response **out) {
    uint8_t public_key[65], private_key[97];
    size_t public_len = 32, private_len = 32;
    EVP_PKEY *key;
    if (algorithm == ALGORITHM_ECDSA) {
        key = EVP_EC_gen("P-256");
        if (!key || !raw_ecdsa(key, public_key, private_key)) return FAILED;
        public_len = 65;
        /* Signing wants the point again. */
        memcpy(private_key + 32, public_key, 65);
        private_len = 97;
    } else {
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        if (!key || !EVP_PKEY_get_raw_public_key(key, public_key, &public_len) ||
            !EVP_PKEY_get_raw_private_key(key, private_key, &private_len))
            return FAILED;
    }
    EVP_PKEY_free(key);
    struct enroll_response *response = calloc(1, sizeof *response);
    if (!response) return FAILED;
    response->flags = flags;
    response->public_key = copy(public_key, public_len);
    response->public_key_len = public_len;
    response->key_handle = copy(private_key, private_len);
    response->key_handle_len = private_len;
    response->signature = copy("none", 4);
    response->signature_len = 4;
    *out = response;
    return 0;
}

static EVP_PKEY *load_ecdsa(const uint8_t *handle) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    BIGNUM *scalar = BN_bin2bn(handle, 32, NULL);
    OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, scalar);
    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, handle + 32, 65);
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_fromdata_init(context);
    EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, parameters);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    BN_free(scalar);
    EVP_PKEY_CTX_free(context);
    return key;
}

static int split_ecdsa(const uint8_t *der, size_t length, struct sign_response *response) {
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)length);
    if (!pair) return 0;
    uint8_t number[32];
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), number, 32);
    response->sig_r = copy(number, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), number, 32);
    response->sig_s = copy(number, 32);
    response->sig_r_len = response->sig_s_len = 32;
    ECDSA_SIG_free(pair);
    return 1;
}

int sk_sign(uint32_t algorithm, const uint8_t *data, size_t data_len, const char *application,
            const uint8_t *handle, size_t handle_len, uint8_t flags, const char *pin,
            void **options, struct sign_response **out) {
    uint8_t message[69], signature[128];
    size_t signature_len = sizeof signature;
    struct sign_response *response = calloc(1, sizeof *response);
    if (!response) return FAILED;
    response->flags = flags & 0x05;
    response->counter = 0x12345678;
    SHA256((const uint8_t *)application, strlen(application), message);
    message[32] = response->flags;
    memcpy(message + 33, "\x12\x34\x56\x78", 4);
    SHA256(data, data_len, message + 37);
    int is_ecdsa = algorithm == ALGORITHM_ECDSA;
    if (handle_len != (is_ecdsa ? 97u : 32u)) return FAILED;
    EVP_PKEY *key = is_ecdsa ? load_ecdsa(handle)
                             : EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, handle, 32);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!key || !EVP_DigestSignInit(context, NULL, is_ecdsa ? EVP_sha256() : NULL, NULL, key) ||
        !EVP_DigestSign(context, signature, &signature_len, message, sizeof message))
        return FAILED;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    if (is_ecdsa) {
        if (!split_ecdsa(signature, signature_len, response)) return FAILED;
    } else {
        response->sig_r = copy(signature, signature_len);
        response->sig_r_len = signature_len;
    }
    *out = response;
    return 0;
}

int sk_load_resident_keys(const char *pin, void **options, void ***keys, size_t *count) {
    *keys = NULL;
    *count = 0;
    return 0;
}
