# What must hold of any answer, whoever asked for whatever: each sub returns
# what is wrong with it, as sentences, so that nothing means that all is well.

package Pando::Probes::Judge;

use strict;
use warnings;

use JSON::PP;

# What nginx refuses before any route is known; its codes are the root's.
my %EARLY = map { $_ => 1 } 400, 404, 405, 408, 411, 413, 414, 415, 431;

# What nobody outside has to read: how this is made.
my $INSIDE = qr/\b(?:insert into|relation "|violates|at or near|libpq|jansson
    |SQLSTATE|0x[0-9a-f]{6})\b|\.c:\d/xi;


sub sound
{
    my ($api, $route, $r, $method) = @_;
    my $status = $r->{status};

    return 'no answer' . ($r->{raw} ne '' ? ': ' . substr $r->{raw}, 0, 60 : '')
        unless $status;
    return 'the answer is cut'          # a stream of events has no end
        if $r->{cut} && ($r->header('Content-Type') // '') ne 'text/event-stream';

    my @wrong;

    push @wrong, 'no X-Request-Id' unless $r->header('X-Request-Id');
    push @wrong, 'a header of the client\'s making' if $r->header('X-Made-Up');

    return (@wrong, good($api, $route, $r, $method)) if $status < 400;
    return (@wrong, headers_of($r), $method eq 'HEAD' ? () : problem($api, $route, $r));
}


sub good
{
    my ($api, $route, $r, $method) = @_;
    my $told = $route->{answers}{$r->{status}};
    my $type = $r->header('Content-Type') // '';
    my @wrong;

    return if $method eq 'OPTIONS';
    return "$r->{status} is not told of" unless $told;
    return if $r->{status} >= 300;

    my @types = sort keys %{ $told->{content} // {} };

    if ($r->{status} == 204 || $method eq 'HEAD') {
        push @wrong, 'a body that must not be' if $r->{body} ne '';
    } else {
        push @wrong, "its type is $type, not one of @types"
            if @types && !grep { index($type, $_) == 0 } @types;
        push @wrong, 'it is no JSON' if $type =~ /json/ && !defined $r->json;
    }

    return @wrong;
}


sub headers_of
{
    my ($r) = @_;
    my @wrong;

    push @wrong, '401 without WWW-Authenticate'
        if $r->{status} == 401 && !$r->header('WWW-Authenticate');
    push @wrong, "$r->{status} without Retry-After"
        if $r->{status} =~ /^(?:429|503)$/ && !$r->header('Retry-After');

    return @wrong;
}


# RFC 9457, and that the route told of it.
sub problem
{
    my ($api, $route, $r) = @_;
    my $json = $r->json;
    my $type = $r->header('Content-Type') // 'nothing';
    my $status = $r->{status};
    my @wrong;

    push @wrong, "$status of type $type" unless $type eq 'application/problem+json';
    return (@wrong, "$status without an object") unless ref $json eq 'HASH';

    push @wrong, map { "a problem without $_" }
        grep { !defined $json->{$_} } qw(type title status code detail request_id);
    return @wrong if @wrong;

    push @wrong, "status $json->{status} in a $status" if $json->{status} != $status;
    push @wrong, "type $json->{type} of $json->{code}"
        if $json->{type} ne "/docs/problems#$json->{code}";
    push @wrong, "code $json->{code}" if $json->{code} !~ /^[a-z][a-z0-9_]*$/;
    push @wrong, 'another request id than the header'
        if $json->{request_id} ne ($r->header('X-Request-Id') // '');
    push @wrong, "it tells of the inside: $json->{detail}"
        if join(' ', $json->{detail}, map { $_->{message} } errors($r)) =~ $INSIDE;
    push @wrong, 'an error without pointer, code or message'
        if grep { my $e = $_; grep { !defined $e->{$_} } qw(pointer code message) } errors($r);
    push @wrong, "$status $json->{code}: $json->{detail}"
        if $status >= 500 && !$api->tells($route, $status, $json->{code}, 1);
    push @wrong, "$status $json->{code} is not told of"
        if $status < 500 && !$api->tells($route, $status, $json->{code})
            && !($EARLY{$status} && $api->{doc}{'x-problems'}{$json->{code}});

    return @wrong;
}


sub errors
{
    my ($r) = @_;
    my $json = $r->json;

    return ref $json eq 'HASH' && ref $json->{errors} eq 'ARRAY' ? @{ $json->{errors} } : ();
}


# Expectations of one status or several, of a code, of a pointer.
sub is
{
    my ($r, @statuses) = @_;

    return if grep { $_ == $r->{status} } @statuses;
    return "$r->{status}, not " . join(' or ', @statuses) . said($r);
}


sub code
{
    my ($r, $status, $code) = @_;
    my $json = $r->json;

    return if $r->{status} == $status
        && (ref $json ne 'HASH' || ($json->{code} // '') eq $code);
    return "$r->{status}, not $status $code" . said($r);
}


sub points_to
{
    my ($r, $pointer) = @_;

    return 'no error points to ' . $pointer . said($r)
        unless grep { ($_->{pointer} // '') =~ m{^\Q$pointer\E(?:/|$)} } errors($r);
    return;
}


sub said
{
    my ($r) = @_;
    return $r->{body} eq '' ? '' : ': ' . substr $r->{body} =~ s/\s+/ /gr, 0, 300;
}

1;
