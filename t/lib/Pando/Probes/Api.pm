# The API as its own document tells it (/openapi.json): its routes, what each
# takes and may answer, and an example of its body.  Nothing here is a list
# kept by hand: a domain that is enabled is in the document.

package Pando::Probes::Api;

use strict;
use warnings;

use JSON::PP;
use Storable qw(dclone);

my $UUID = qr/[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}/;


sub new
{
    my ($class, $doc) = @_;
    my $api = bless { doc => $doc }, $class;

    for my $path (sort keys %{ $doc->{paths} }) {
        my $methods = $doc->{paths}{$path};

        for my $method (sort keys %$methods) {
            push @{ $api->{routes} }, $api->route(uc $method, $path, $methods->{$method});
        }
    }

    # what any route may answer when the server is in trouble
    $api->{trouble} = { map { $_ => 1 } map { $api->codes($_) }
                        values %{ $doc->{components}{responses} } };
    return $api;
}


sub route
{
    my ($api, $method, $path, $op) = @_;
    my $media = $op->{requestBody} && (values %{ $op->{requestBody}{content} })[0];

    return {
        name => "$method $path", method => $method, path => $path,
        scope => $op->{'x-scope'}, domain => $op->{tags}[0],
        params => [ map { $api->follow($_) } @{ $op->{parameters} // [] } ],
        takes => $media && $api->follow($media->{schema}),
        media => [ sort keys %{ $op->{requestBody}{content} // {} } ],
        example => $media && $media->{example},
        answers => { map { $_ => $api->follow($op->{responses}{$_}) }
                     keys %{ $op->{responses} } },
    };
}


sub follow
{
    my ($api, $node) = @_;

    while (ref $node eq 'HASH' && $node->{'$ref'}) {
        my $at = $api->{doc};
        $at = $at->{$_} for grep { length } split m{[#/]}, $node->{'$ref'};
        $node = $at;
    }

    return $node;
}


# The problem codes of a response.
sub codes
{
    my ($api, $response) = @_;
    my $media = $response->{content}{'application/problem+json'} // return;

    return @{ $media->{schema}{properties}{code}{enum} // [] };
}


# Whether this route says that it may fail so; with $own, for a reason that is
# the route's and not the server's.
sub tells
{
    my ($api, $route, $status, $code, $own) = @_;
    my $response = $route->{answers}{$status} // return 0;

    return 0 if $own && $api->{trouble}{$code};
    return scalar grep { $_ eq $code } $api->codes($response);
}


# All rights there are; those of other domains only; or one rank less.
sub all_scopes
{
    my ($api, $but) = @_;

    return join ' ', map { "$_:admin" } grep { $_ ne ($but // '') }
        map { $_->{name} } @{ $api->{doc}{tags} };
}


sub lower_scopes
{
    my ($api, $route) = @_;
    my ($domain, $right) = split /:/, $route->{scope};
    my %less = (write => 'read', admin => 'write');

    return ($api->all_scopes($domain), $less{$right} ? "$domain:$less{$right}" : ());
}


# Which methods this very path answers, by the router's own rule: a parameter
# that is an id is a UUID and nothing else.
sub methods_at
{
    my ($api, $concrete) = @_;
    my %methods;

    for my $route (@{ $api->{routes} }) {
        my $pattern = join '/', map {
            /^\{(\w*_)?id\}$/ ? $UUID : /^\{/ ? '[^/]+' : quotemeta
        } split m{/}, $route->{path}, -1;

        $methods{$route->{method}} = 1 if $concrete =~ m{^$pattern$};
    }

    $methods{HEAD} = 1 if $methods{GET};
    return \%methods;
}


# Schemas

# The JSON types that a schema lets pass; none where it lets all.
sub types
{
    my ($api, $schema) = @_;
    $schema = $api->follow($schema);

    my @types = ref $schema->{type} ? @{ $schema->{type} } : $schema->{type} // ();

    push @types, map { $api->types($_) } map { @{ $schema->{$_} // [] } } qw(anyOf oneOf);
    push @types, map { !defined $_ ? 'null' : $_ =~ /^\d/ ? 'number' : 'string' }
        @{ $schema->{enum} // [] };
    return @types;
}


# A value that no such schema lets pass; nothing where there is none.
sub wrong_value
{
    my ($api, $schema) = @_;
    my %let = map { $_ => 1 } $api->types($schema);

    return unless %let;
    return { no_such_member => {} } unless $let{object};
    return [ [ {} ] ] unless $let{array};
    return JSON::PP::true unless $let{boolean};
    return;
}


# The members of a route's body, by name.
sub members
{
    my ($api, $route) = @_;
    return $route->{takes}{properties} // {};
}


# The example, with references put in: $find gives the id of a `<thing>_id`.
sub body
{
    my ($api, $route, $find) = @_;

    return unless $route->{takes};

    my $body = dclone($route->{example} // {});
    put_ids($body, $find) if $find;
    return $body;
}


# Of the example only what must be there.
sub least
{
    my ($api, $route, $find) = @_;
    my $body = $api->body($route, $find) // return;
    my %must = map { $_ => 1 } @{ $route->{takes}{required} // [] };

    delete @$body{ grep { !$must{$_} } keys %$body };
    return $body;
}


sub put_ids
{
    my ($node, $find) = @_;

    for my $value (ref $node eq 'HASH' ? values %$node : @$node) {
        put_ids($value, $find) if ref $value eq 'HASH' || ref $value eq 'ARRAY';
    }

    return unless ref $node eq 'HASH';

    for my $name (grep { /_id$/ } keys %$node) {
        my $id = $find->($name =~ s/_id$//r);
        $node->{$name} = $id if defined $id && ($node->{$name} // '') =~ /^$UUID$/;
    }
}

1;
