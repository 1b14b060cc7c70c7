# The probes that every route of every domain is put to, made from the API's
# own document (design.md: the route table is the truth).  Who adds a domain
# edits nothing here.
#
#   my $probes = Pando::Probes->new($p, $document);
#   $probes->populate;                      rows of tenant A, by the examples
#   for my $route ($probes->routes) { my @wrong = $probes->probe($route) }
#
# A kind of probe is a sub named ask_<kind>: it returns requests, each with
# what must hold of its answer besides what must hold of any (Judge.pm).

package Pando::Probes;

use strict;
use warnings;

use Carp qw(croak);
use JSON::PP;

use Pando::Probes::Api;
use Pando::Probes::Judge;
use Pando::Probes::Rows;
use Pando::Token;

our @ISA     = 'Pando::Probes::Rows';
our $AT_ONCE = 24;

my $NOWHERE = $Pando::Probes::Rows::NOWHERE;
my $B       = $Pando::Token::OTHER;
my $OTHER   = '01900000-0000-7000-8000-000000000002';   # another user
my $JSON    = JSON::PP->new->utf8->canonical->allow_nonref;


# Settings: judge, what looks at every answer; rows, of a server before; seen,
# where to write down what was sent and answered.
sub new
{
    my ($class, $p, $doc, %set) = @_;
    my $api = Pando::Probes::Api->new($doc);
    my $s = bless { p => $p, api => $api, judge => \&Pando::Probes::Judge::sound,
                    rows => {}, keys => {}, tokens => {}, %set }, $class;

    $s->{ids} = { map { $_->{id} => 1 } values %{ $s->{rows} } };
    return $s;
}


sub routes { return @{ $_[0]{api}{routes} } }

sub kinds
{
    no strict 'refs';
    return sort map { /^ask_(\w+)$/ ? $1 : () } keys %{ __PACKAGE__ . '::' };
}


# Who asks

sub token
{
    my ($s, %claims) = @_;
    my $key = join ' ', map { $_ . '=' . ($claims{$_} // 'none') } sort keys %claims;

    return $s->{tokens}{$key} //= $s->{p}->token(scope => $s->{api}->all_scopes,
        acr => '3', auth_time => time + 3600, %claims);         # for as long as it takes
}


sub owner    { return $_[0]->token }
sub stranger { return $_[0]->token(tid => $B, sub => $OTHER) }


# Asking

# A request is { method, path, opt, as, want => sub ($reply) -> complaints };
# many are asked at once, unless they say that they are alone.  Returns what is
# wrong, each as a line that says how to ask again.
sub ask
{
    my ($s, $route, @requests) = @_;
    my @wrong;

    while (@requests) {
        my @some = shift @requests;

        push @some, shift @requests while @requests && @some < $AT_ONCE
            && !$some[0]{alone} && !$requests[0]{alone};

        my @replies = $s->{p}->parallel(map {
            [ $_->{method} // $route->{method}, $_->{path},
              token => $_->{as}, %{ $_->{opt} // {} } ]
        } @some);

        for my $i (0 .. $#some) {
            my ($q, $r) = ($some[$i], $replies[$i]);
            my $method = $q->{method} // $route->{method};
            my @said = $s->{judge}->($s->{api}, $route, $r, $method);

            $s->remember($route, $method, $q, $r);
            push @said, $q->{want}->($r) if $q->{want};
            push @wrong, map { "$method " . substr($q->{path}, 0, 120)
                               . ($q->{note} ? " ($q->{note})" : '') . ": $_" } @said;
        }
    }

    return @wrong;
}


# What was sent and what came of it, for who reads the schemas.
sub remember
{
    my ($s, $route, $method, $q, $r) = @_;
    my $out = $s->{seen} // return;
    my $json = $r->json;
    my $type = $r->header('Content-Type') // '';
    my $body = ($q->{opt} // {})->{body};
    my %seen = (method => $method, path => $route->{path}, status => $r->{status}, type => $type,
                code => ref $json eq 'HASH' && $r->{status} >= 400 ? $json->{code} : undef);

    return if $method ne $route->{method} || $r->{status} == 404 || $r->{status} == 405;

    # as it was sent, for numbers would not survive
    my $line = $JSON->encode(\%seen) =~ s/\}$//r;
    $body = $JSON->encode($body) if ref $body;
    $line .= ",\"body\":$body"
        if $route->{takes} && defined $body && defined eval { $JSON->decode($body) };
    $line .= ",\"answer\":$r->{body}" if defined $json && $type =~ m{^application/\S*json};
    print $out $line =~ tr/\r\n/  /r, "}\n";
}


sub probe
{
    my ($s, $route, @kinds) = @_;
    my @wrong;

    $s->renew($route);

    for my $kind (@kinds ? @kinds : $s->kinds) {
        my $sub = $s->can("ask_$kind") or croak "no kind $kind";
        push @wrong, map { "$kind: $_" } $s->ask($route, $s->$sub($route));
    }

    return @wrong;
}


# Access

sub ask_token
{
    my ($s, $route) = @_;
    my $path = $s->path($route);
    my $public = $route->{scope} eq 'public';
    my $want = sub { Pando::Probes::Judge::code($_[0], 401, 'unauthorized') };
    my $late = sub { Pando::Probes::Judge::code($_[0], 401, 'token_expired') };
    my $hour = int(time / 3600) * 3600;
    my @same = (path => $path, $s->with_body($route));

    return (
        ($public ? () : { @same, want => $want, note => 'no token' }),
        { @same, want => $late, as => $s->token(exp => $hour - 7200), note => 'expired' },
        map { +{ @same, as => $_->[1], want => $want, note => $_->[0] } }
            [ 'no token at all', 'nonsense' ],
            [ 'signed by nobody', $s->token(_signature => 'x' x 32) ],
            [ 'alg none', $s->token(_header => { alg => 'none' }, _signature => '') ],
            [ 'of another issuer', $s->token(iss => 'https://elsewhere.test') ],
            [ 'for another audience', $s->token(aud => 'elsewhere') ],
    );
}


sub ask_scope
{
    my ($s, $route) = @_;
    my $want = sub { Pando::Probes::Judge::code($_[0], 403, 'forbidden') };
    my @same = (path => $s->path($route), $s->with_body($route), want => $want);

    return if $route->{scope} eq 'public';
    return { @same, as => $s->token(sub => undef), note => 'nobody' }
        if $route->{scope} eq 'self';

    return (
        { @same, as => $s->token(tid => undef), note => 'no tenant' },
        map { +{ @same, as => $s->token(scope => $_), note => "scope '$_'" } }
            '', "$route->{scope}x", $s->{api}->lower_scopes($route)
    );
}


# Rows of A, asked for by B: they are not there, exactly as what never was.
sub ask_tenant
{
    my ($s, $route) = @_;
    my @same = ($s->with_body($route), as => $s->stranger);
    my $leak = sub { $s->leaks(@_) };

    return { @same, path => $s->path($route), want => $leak, note => 'B' }
        unless $s->owned($route);

    my %nowhere = map { $_ => $NOWHERE } $route->{path} =~ /\{(\w*id)\}/g;
    my $want = sub {
        my ($r) = @_;
        return (Pando::Probes::Judge::is($r, 404), $leak->($r));
    };

    return (
        { @same, path => $s->path($route), want => $want, note => "A's row, by B" },
        { @same, path => $s->path($route, %nowhere), want => $want, note => 'no row' },
        $route->{scope} eq 'public'
            ? { $s->with_body($route), path => $s->path($route), want => $want,
                note => "A's row, by the tenant of the host" } : (),
        $route->{scope} eq 'self'
            ? { @same, as => $s->token(sub => $OTHER), path => $s->path($route),
                want => $want, note => "A's row, by another user" } : (),
        $route->{method} eq 'GET'
            ? { @same, method => 'HEAD', path => $s->path($route), want => $want } : (),
    );
}


sub leaks
{
    my ($s, $r) = @_;
    return map { "it tells of $_" } grep { index($r->{raw}, $_) >= 0 } sort keys %{ $s->{ids} };
}


# Bodies

sub ask_malformed
{
    my ($s, $route) = @_;
    my $want = sub { Pando::Probes::Judge::is($_[0], 400) };
    my $shape = sub { Pando::Probes::Judge::is($_[0], 422) };
    my @same = (path => $s->path($route), as => $s->owner);
    my $good = $JSON->encode($s->body($route) // {});

    return unless $route->{takes};

    return (
        (map { +{ @same, opt => { body => $_ }, want => $want, note => substr $_, 0, 40 } }
            '', ' ', '{', '{"a":1,}', '{"a":1}{', "\xff\xfe", '{"a":NaN}', "{\"a\":\"\xc3\x28\"}",
            '{"a":"\\ud800"}', "{'a':1}", '{"a":01}', '[' x 20000, '{"a":' x 10000, "$good,",
            "\xef\xbb\xbf{", substr($good, 0, -1), '{"a":"' . "\t" . '"}'),
        (map { +{ @same, opt => { body => $_ }, want => $shape, note => $_ } }
            '[]', 'null', '"text"', '1', 'true'),
    );
}


sub ask_member
{
    my ($s, $route) = @_;
    my @same = (path => $s->path($route), as => $s->owner);
    my @all;

    return unless $route->{takes};

    if (is_false($route->{takes}{additionalProperties})) {
        push @all, [ no_such_member => 1 ], [ 'no/such~member' => 1 ];
    }

    for my $name (sort keys %{ $s->{api}->members($route) }) {
        my $value = $s->{api}->wrong_value($s->{api}->members($route)->{$name}) // next;
        push @all, [ $name => $value ];
    }

    return map {
        my ($name, $value) = @$_;
        my $pointer = '/' . $name =~ s/~/~0/gr =~ s{/}{~1}gr;

        +{ @same, opt => { body => { %{ $s->body($route) }, $name => $value } },
          note => $name, want => sub { Pando::Probes::Judge::is($_[0], 422),
                                       Pando::Probes::Judge::points_to($_[0], $pointer) } }
    } @all;
}


sub is_false { return defined $_[0] && !ref $_[0] ? !$_[0] : JSON::PP::is_bool($_[0]) && !$_[0] }


# Strings and numbers that others have fallen over.
sub ask_value
{
    my ($s, $route) = @_;
    my @same = (path => $s->path($route), as => $s->owner);
    my $members = $route->{takes} && $s->{api}->members($route) // {};
    my @all;

    my @texts = ("\0", "a\0b", '', 'x' x 20000, "\x{202e}\x{feff}\x{10ffff}", "a\r\nX-Made-Up: 1",
                 q{'); drop table x; --}, '../../../../etc/passwd', '%s%n%n', '{{7*7}}$(id)`id`',
                 '<script>alert(1)</script>', '=cmd|1!A1', "\x{1F468}\x{200D}\x{1F469}");

    for my $name (sort keys %$members) {
        my %let = map { $_ => 1 } $s->{api}->types($members->{$name});

        push @all, map { [ $name, $_ ] } @texts if $let{string};
        push @all, map { [ $name, \$_ ] } qw(9223372036854775807 9223372036854775808 -1 0.1 1e308
            -9223372036854775809 1e400 123456789012345678901234567890 -0 0e0)
            if $let{integer} || $let{number};
        push @all, [ $name, [] ], [ $name, [ (1) x 2000 ] ] if $let{array};
        push @all, [ $name, undef ];
    }

    return map {
        my ($name, $value) = @$_;
        my $body = $s->body($route);
        my $raw = ref $value eq 'SCALAR' ? $$value : $JSON->encode($value);

        $body->{$name} = 'in its place';
        +{ @same, opt => { body => $JSON->encode($body) =~ s/"in its place"/$raw/r },
          note => "$name: " . substr $raw, 0, 40 }
    } @all;
}


sub ask_media
{
    my ($s, $route) = @_;
    my $want = sub { Pando::Probes::Judge::code($_[0], 415, 'unsupported_media_type') };
    my $body = $JSON->encode($s->body($route) // {});
    my @same = (path => $s->path($route), as => $s->owner, want => $want);
    my %takes = map { $_ => 1 } @{ $route->{media} };

    return unless $route->{takes};

    return (
        (map { +{ @same, opt => { body => $body, 'Content-Type' => $_ }, note => $_ } }
            grep { !$takes{$_} } 'text/plain', 'application/xml', 'application/jsonx', 'json', '',
            'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded', '*/*',
            'application/merge-patch+json', 'text/html, application/json'),
        (map { +{ @same, opt => { body => $body, 'Content-Encoding' => $_ }, note => $_ } }
            'gzip', 'br', 'identity, gzip'),
    );
}


sub ask_large
{
    my ($s, $route) = @_;
    my $want = sub { Pando::Probes::Judge::code($_[0], 413, 'too_large') };
    my @same = (path => $s->path($route), as => $s->owner, want => $want);

    return unless $route->{takes};

    my %type = ('Content-Type' => $route->{media}[0]);
    my $much = sprintf "%x\r\n%s\r\n0\r\n\r\n", 4_300_000, " " x 4_300_000;

    return (
        { @same, opt => { 'Content-Length' => 1 << 40, %type }, note => 'a terabyte' },
        { @same, opt => { body => $much, 'Content-Length' => undef, %type,
                          'Transfer-Encoding' => 'chunked' }, note => 'in chunks' },
    );
}


# What the document shows can be sent, is never of the wrong shape.
sub ask_example
{
    my ($s, $route) = @_;
    my $want = sub {
        my ($r) = @_;
        my $json = $r->json;
        my $code = ref $json eq 'HASH' ? $json->{code} // '' : '';

        return "the example is refused$code" . Pando::Probes::Judge::said($r)
            if $r->{status} =~ /^(?:400|401|403|405|413|415|5\d\d)$/
                || $r->{status} == 422 && $code eq 'invalid';
        return;
    };

    return unless $route->{takes};
    return 'no example' unless $route->{example};

    return map {
        my $type = $_;
        map { +{ path => $s->path($route), as => $s->owner, want => $want,
                opt => { body => $_, 'Content-Type' => $type }, note => $type } }
            $s->{api}->body($route), $s->body($route)
    } @{ $route->{media} };
}


# Paths and methods

sub ask_method
{
    my ($s, $route) = @_;
    my $path = $s->path($route);
    my $has = $s->{api}->methods_at($path);
    my $allow = join ', ', grep { $has->{$_} } qw(GET HEAD POST PUT PATCH DELETE);
    my $allowed = sub {
        my ($r) = @_;
        my $said = $r->header('Allow') // 'nothing';
        return $said eq "$allow, OPTIONS" ? () : "it allows $said, not $allow, OPTIONS";
    };
    my $want = sub { Pando::Probes::Judge::is($_[0], 405), $allowed->($_[0]) };

    return (
        (map { +{ method => $_, path => $path, as => $s->owner, want => $want } }
            grep { !$has->{$_} } qw(GET HEAD POST PUT PATCH DELETE PROPFIND BREW)),
        { method => 'OPTIONS', path => $path,
          want => sub { Pando::Probes::Judge::is($_[0], 204), $allowed->($_[0]) } },
    );
}


sub ask_path
{
    my ($s, $route) = @_;
    my @all;

    for my $name ($route->{path} =~ /\{(\w+)\}/g) {
        my $is_id = $name =~ /(?:^|_)id$/;
        my $want = sub { Pando::Probes::Judge::is($_[0], 400, 404, 405, 414) };

        push @all, map { [ $name, $_, $is_id ? $want : undef ] }
            '%00', "$NOWHERE%00", '..%2f..%2f..%2fetc%2fpasswd', '%2e%2e', '%ff%fe', '%c0%af', '%',
            '%zz', 'x' x 3000, 'x' x 9000, '%0d%0aX-Made-Up:%201', '%27%20or%201=1--', '%7bid%7d',
            '%f0%9f%98%80', '', 'null', '-1', '0', '1e9', "$NOWHERE.json", substr($NOWHERE, 1),
            "${NOWHERE}0", $NOWHERE =~ s/-/_/gr, '%20', '*', ';', '~';
    }

    return map {
        my ($name, $value, $want) = @$_;
        +{ path => $s->path($route, $name => $value), as => $s->owner, want => $want,
          $s->with_body($route) }
    } @all;
}


sub ask_query
{
    my ($s, $route) = @_;
    my $path = $s->harmless($route);
    my @same = (as => $s->owner, $s->with_body($route));
    my %params = map { ($_->{name} => $_->{schema}) }
        grep { $_->{in} eq 'query' } @{ $route->{params} };
    my @all = (
        [ 'no_such_parameter=1', 422, 'no_such_parameter' ], [ 'a=%00', 400 ], [ 'a=%ff', 400 ],
        [ 'a=%zz', 400 ], [ '%', 400 ], [ '&&&' ], [ '=' ], [ '?' ], [ 'x' x 2000 ],
        [ join '&', map { "p$_=1" } 1 .. 500 ],
    );

    for my $name (sort keys %params) {
        my %let = map { $_ => 1 } $s->{api}->types($params{$name});
        my $text = $let{string} && !$params{$name}{enum} && !$params{$name}{format}
            && !$params{$name}{pattern};

        push @all, map { $text ? [ "$name=$_" ] : [ "$name=$_", 422, $name ] }
            'no%20such%20thing', '%27--', '%f0%9f%98%80', '1e400', '-99999999999999999999';
        push @all, [ "$name=1&$name=2", 422, $name ] unless $let{array};
        push @all, [ "$name=" ], [ "$name=%00", 400 ], [ "$name=" . 'x' x 4000 ];
    }

    return map {
        my ($query, $status, $name) = @$_;
        +{ @same, path => "$path?$query", want => $status && sub {
            (Pando::Probes::Judge::is($_[0], $status),
             $name ? Pando::Probes::Judge::points_to($_[0], "?$name") : ()) } }
    } @all;
}


# Headers

sub ask_header
{
    my ($s, $route) = @_;
    my @same = (path => $s->harmless($route), as => $s->owner);
    my @own = $route->{takes} ? (body => $s->body($route)) : ();
    my @all = (
        [ 'Accept' => 'text/html' ], [ 'Accept-Language' => 'x' x 2000 ],
        [ 'Accept-Language' => '*;q=nan, en;q=1e9, ;;;,,,' ], [ 'Accept-Encoding' => 'gzip;q=0' ],
        [ 'X-Request-Id' => "<script>\"" ], [ 'X-Request-Id' => 'x' x 500 ],
        [ 'Traceparent' => '00-' . '0' x 32 . '-' . '0' x 16 . '-zz' ],
        [ 'If-None-Match' => '"' . 'x' x 500 ], [ 'If-Modified-Since' => 'never' ],
        [ 'Range' => 'bytes=0-0,1-1,-1' ], [ 'Expect' => 'the unexpected' ],
    );

    push @all, [ 'Idempotency-Key' => 'x' x 256, 400 ], [ 'Idempotency-Key' => '', 400 ],
        [ 'Idempotency-Key' => "a b", 400 ], [ 'Idempotency-Key' => "\xff\xfe", 400 ]
        if $route->{method} eq 'POST';

    return map {
        my ($name, $value, @status) = @$_;
        +{ @same, opt => { @own, $name => $value }, note => "$name: " . substr($value, 0, 20),
          want => @status && sub { Pando::Probes::Judge::is($_[0], @status) } }
    } @all;
}


# A row that has moved on since.
sub ask_version
{
    my ($s, $route) = @_;

    return unless $route->{method} =~ /^(?:PUT|PATCH|DELETE)$/ && $s->owned($route);

    return map { +{ path => $s->path($route), as => $s->owner, note => $_,
        opt => { $route->{takes} ? (body => $s->body($route)) : (), 'If-Match' => $_ },
        want => sub { Pando::Probes::Judge::code($_[0], 412, 'precondition_failed') } } }
        '"v99999999999999999999"', '"v999999"', '"no version"', 'W/"v999999"', 'v1', '""',
        '"v-1"', '"v"', '"v999999', '"v 1"';
}


# The same key again is the same answer, and no second row.
sub ask_replay
{
    my ($s, $route) = @_;
    my ($key, $path, $body) = @{ $s->{keys}{$route->{path}} // [] };
    my $row = $s->{rows}{$route->{path}};

    return unless $key && $route->{method} eq 'POST' && $row;

    my $again = sub {
        my ($r) = @_;
        my $id = ref $r->json eq 'HASH' ? $r->json->{id} // 'none' : 'none';
        return (Pando::Probes::Judge::is($r, 201), $id eq $row->{id} ? () : "another row: $id");
    };

    return (
        { path => $path, as => $s->owner, want => $again, note => 'the same key again', alone => 1,
          opt => { body => $body, 'Idempotency-Key' => $key } },
        { path => $path, as => $s->owner, note => 'the same key, another body', alone => 1,
          opt => { body => $JSON->encode($body) . ' ', 'Idempotency-Key' => $key },
          want => sub {
              Pando::Probes::Judge::code($_[0], 422, 'idempotency_key_reused') } },
    );
}


# HEAD is GET without the body, and /api/... is /api/v1/...
sub ask_head
{
    my ($s, $route) = @_;
    my $path = $s->path($route);

    return unless $route->{method} eq 'GET';

    my $get = $s->{p}->get($path, token => $s->owner);
    my $want = sub {
        my ($r) = @_;
        my @wrong = Pando::Probes::Judge::is($r, $get->{status});
        push @wrong, map { "another $_" }
            grep { ($r->header($_) // '') ne ($get->header($_) // '') } qw(Content-Type ETag);
        return @wrong;
    };

    return (
        { path => $path, method => 'HEAD', as => $s->owner, want => $want },
        $path =~ m{^/api/v1/} ? { path => $path =~ s{/v1/}{/}r, as => $s->owner,
                                  want => $want, note => 'the alias' } : (),
        $get->header('ETag') ? { path => $path, as => $s->owner,
            opt => { 'If-None-Match' => scalar $get->header('ETag') },
            want => sub { Pando::Probes::Judge::is($_[0], 304) }, note => 'its ETag' } : (),
    );
}

1;
