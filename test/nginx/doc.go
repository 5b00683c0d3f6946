// Package nginx compares the model of what ingress-nginx makes of a host with nginx
// itself: locations are rendered as the controller renders them, a real nginx
// answers, and the model has to answer the same.
//
// nginx is the one in PATH, or the one that prepare.sh unpacked from Debian's packages;
// without one the tests are skipped. ATTACHE_NGINX_HOSTS is the number of random hosts
// to compare.
package nginx
