// As much of mbedTLS as checks whether a text holds certificates.
#pragma once

#include <stddef.h>

#define MBEDTLS_ERR_X509_CERT_VERIFY_FAILED -0x2700

struct mbedtls_x509_crt {
  int count;
};

void mbedtls_x509_crt_init(mbedtls_x509_crt* chain);
// 0, the number of certificates that could not be read, or a negative error.
int mbedtls_x509_crt_parse(mbedtls_x509_crt* chain, const unsigned char* text,
                           size_t bytes);
void mbedtls_x509_crt_free(mbedtls_x509_crt* chain);
