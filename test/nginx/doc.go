// Package nginx compares the model of what ingress-nginx makes of a host with nginx
// itself: locations are rendered as the controller renders them, a real nginx
// answers, and the model has to answer the same.
//
// nginx is that of PATH, or the one that prepare.sh unpacked from Debian's packages;
// without one the tests are skipped. ATTACHE_NGINX_HOSTS says how many random hosts
// are compared.
package nginx
