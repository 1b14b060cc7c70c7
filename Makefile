# Pando's make: builds the modules against nginx's development package, runs
# them, tests them.  `make help` shows what there is.

BUILD   ?= build
MODULES ?=
T       ?= t
J       ?= 3
PROFILE ?= demo
PORT    ?= 8080

SHELL    = /bin/bash
NGINX   ?= /usr/share/nginx/src
DESTDIR ?=

cc_opt  := -std=gnu11 -g -O2 -fPIC -fno-strict-aliasing \
           -fstack-protector-strong -fstack-clash-protection \
           -D_FORTIFY_SOURCE=2 -ffile-prefix-map=$(CURDIR)/= \
           -Wall -Wextra -Werror -Wframe-larger-than=4096 \
           -Wno-unused-parameter -Wno-deprecated-declarations
ld_opt  := -Wl,-z,relro -Wl,-z,now

# The folder's name says what kind of build it is.
kind    := $(notdir $(BUILD))

ifeq ($(kind),clang)
    CC     := clang
endif

ifeq ($(kind),valgrind)
    cc_opt += -DPANDO_VALGRIND=1
endif

ifeq ($(kind),asan)
    NGINX  := $(BUILD)/debian/nginx
    san    := -fsanitize=address,undefined
    cc_opt := $(subst -O2,-O1 -fno-omit-frame-pointer $(san),$(filter-out \
              -D_FORTIFY_SOURCE=2 -Wframe-larger-than=4096,$(cc_opt))) \
              -Wno-error -DNGX_DEBUG_PALLOC=1
    ld_opt := $(san)
endif

# As Debian configures its own, or else what Pando needs of nginx.
flags    = $$(if [ -f conf_flags ]; \
           then . ./conf_flags; echo "$${NGX_CONF_FLAGS[@]}"; \
           else echo --with-compat --with-debug --with-threads \
               --with-http_ssl_module --with-http_v2_module \
               --with-http_realip_module --with-http_auth_request_module \
               --with-http_stub_status_module; fi)

tree    := $(BUILD)/nginx
folders  = $(patsubst %_module,%,$(basename $(notdir $(wildcard $(1)))))
module   = $(1:%=ngx_http_pando_%_module.so)
domains := $(or $(MODULES),$(call folders,modules/*/*_module.c))
ours     = ngx_http_pando_module.so $(call module,$(domains))
short   := $(wildcard t/root/flow*.t t/root/tx.t t/categories)
so      := $(DESTDIR)/usr/lib/nginx/modules
load    := $(DESTDIR)/usr/share/nginx/modules-available
share   := $(DESTDIR)/usr/share/pando
etc     := $(DESTDIR)/etc/nginx/pando
tests    = $(call module,$(call folders,t/root/domains/*/*_module.c))

export BUILD PROFILE PORT
export PANDO_TEST_MODULES = 1
export PANDO_MODULES = $(MODULES)

.PHONY: all tests run test bench install uninstall asan valgrind lint clean \
        help FORCE
.DELETE_ON_ERROR:


all:            ## build the root and the domains (MODULES="health ..." some)
all: $(tree)/objs/Makefile
	@$(call built,$(ours))

tests: $(tree)/objs/Makefile
	@$(call built,$(ours) $(tests))

run: all        ## start the demo: database, Redis, nginx (PROFILE=, PORT=)
	@conf/install run
	@conf/run

test:           ## run the tests (T=t/categories a part of them, J=4 faster)
	@conf/install build run test
	@$(MAKE) --no-print-directory tests
	@t/run prove -j$(J) -It/lib -r $(T)

bench: tests    ## measure side by side with its peers
	@conf/install run bench
	@t/bench/run

asan:           ## run the tests under AddressSanitizer and UBSan (T=)
	@conf/install asan
	@$(MAKE) --no-print-directory test BUILD=$(BUILD)/asan

valgrind:       ## run a shorter set of the tests under valgrind (T=)
	@conf/install tools test
	@$(MAKE) --no-print-directory test BUILD=$(BUILD)/valgrind \
	    T="$(if $(filter t,$(T)),$(short),$(T))"

lint:           ## check the house's order, and that clang is content too
	@conf/install tools test
	@prove -It/lib -r t/lint
	@$(MAKE) --no-print-directory tests BUILD=$(BUILD)/clang

install: all    ## install modules, SQL and configuration (DESTDIR=)
	@install -d $(so) $(load) $(share) $(etc)/site
	@install -m 644 $(ours:%=$(BUILD)/modules/%) $(so)
	@echo 'load_module modules/ngx_http_pando_module.so;' \
	    >$(load)/10-pando.conf
	@for d in $(domains); do \
	    echo "load_module modules/ngx_http_pando_$${d}_module.so;" \
	        >$(load)/50-pando-$$d.conf; \
	done
	@cp -r sql conf/prometheus $(share)
	@cp -r conf/nginx.conf conf/domains conf/profiles $(etc)
	@cp -n conf/site/*.conf $(etc)/site

uninstall:      ## take that away again, all but /etc/nginx/pando/site
	@rm -f $(so)/ngx_http_pando_*.so $(load)/[15]0-pando*.conf
	@rm -rf $(share) $(etc)/nginx.conf $(etc)/domains $(etc)/profiles

clean:          ## forget what was built (var/, the demo's data, stays)
	@rm -rf $(BUILD)

help:           ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile \
	    | expand -t 18


# Build: $(BUILD)/nginx is a copy of nginx's tree, configured again whenever
# the set of files or a setting changes, which $(BUILD)/state tells.

define built
$(MAKE) $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(J)) -s \
    --no-print-directory -C $(tree) -f objs/Makefile \
    $(if $(filter asan,$(kind)),binary) $(1:%=objs/%) \
    && mkdir -p $(BUILD)/modules \
    && cd $(tree)/objs \
    && cp -pu --remove-destination $(1) $(abspath $(BUILD))/modules
endef

$(tree)/objs/Makefile: $(BUILD)/state $(tree)/pando config
	@echo 'pando: configuring $(BUILD)'
	@cd $(tree) && rm -rf was && mkdir was \
	    && cp -p --parents objs/*.[ch] objs/pando/*_face.c was 2>/dev/null; \
	./configure $(flags) --with-cc='$(CC)' --with-cc-opt='$(cc_opt)' \
	    --with-ld-opt='$(ld_opt)' --add-dynamic-module=$(CURDIR) \
	    >configure.log 2>&1 || { tail -n 5 configure.log >&2; exit 1; }; \
	for f in objs/*.[ch] objs/pando/*_face.c; do \
	    cmp -s $$f was/$$f && touch -r was/$$f $$f; \
	done; rm -rf was objs/*.so

$(BUILD)/state: FORCE
	@conf/install build
	@mkdir -p $(BUILD)
	@{ echo '$(CC) $(cc_opt) $(ld_opt) $(NGINX) $(domains)'; \
	   ls config lua-free-handlers/*.c* lua-free-handlers/docs.html \
	      modules/*/*.c sql/*/*.sql t/root/domains/*/{*.c,sql/*.sql} \
	      2>/dev/null; grep -l curl/curl.h lua-free-handlers/*; \
	 } >$@.$$$$; cmp -s $@.$$$$ $@ && rm $@.$$$$ || mv $@.$$$$ $@

$(tree)/pando: $(NGINX)/src/core/nginx.h
	@rm -rf $(tree) && mkdir -p $(BUILD) && cp -a $(NGINX) $(tree)
	@touch $@

$(NGINX)/src/core/nginx.h:
	@$(if $(filter asan,$(kind)),conf/nginx-source $(BUILD)/debian,\
	    conf/install build)
