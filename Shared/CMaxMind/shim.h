#pragma once
#include <maxminddb.h>
#include <string.h>

// Swift cannot call the library's look-up with its variable arguments, nor lay out its unions.
// Writes the two letters of the country's code and returns 1; 0 when there is none, else one of
// the library's error numbers, negated.
static inline int berth_country_code(
    const MMDB_s *database, const char *address, char code[2]) {
    int lookup_error = 0, error = 0;
    MMDB_lookup_result_s found =
        MMDB_lookup_string(database, address, &lookup_error, &error);
    if (lookup_error != 0) return 0;
    // An IPv6 address in a database that has only IPv4.
    if (error == MMDB_IPV6_LOOKUP_IN_IPV4_DATABASE_ERROR) return 0;
    if (error != MMDB_SUCCESS) return -error;
    if (!found.found_entry) return 0;
    static const char *const path[] = {"country", "iso_code", NULL};
    MMDB_entry_data_s value;
    error = MMDB_aget_value(&found.entry, &value, path);
    if (error == MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR) return 0;
    if (error != MMDB_SUCCESS) return -error;
    if (!value.has_data || value.type != MMDB_DATA_TYPE_UTF8_STRING || value.data_size != 2) {
        return 0;
    }
    memcpy(code, value.utf8_string, 2);
    return 1;
}
