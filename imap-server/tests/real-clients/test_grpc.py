"""The admin API from another language: Python's grpcio, with nothing but the server's own reflection."""

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from harness import ClientTest

PACKAGE = "restante.admin.v1"


class Grpc(ClientTest):
    def setUp(self):
        super().setUp()
        # The socket's path would be sent as authority, which HTTP/2 does not allow.
        options = [("grpc.default_authority", "localhost")]
        self.channel = grpc.insecure_channel(f"unix:{self.server.data}/admin.sock", options)
        self.addCleanup(self.channel.close)
        self.database = ProtoReflectionDescriptorDatabase(self.channel)
        self.pool = descriptor_pool.DescriptorPool(self.database)

    def call(self, service, method, **fields):
        found = self.pool.FindServiceByName(f"{PACKAGE}.{service}").FindMethodByName(method)
        request = message_factory.GetMessageClass(found.input_type)(**fields)
        answer = message_factory.GetMessageClass(found.output_type)
        stub = self.channel.unary_unary(
            f"/{PACKAGE}.{service}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        return stub(request, timeout=30)

    def test_reflection_names_the_services(self):
        services = set(self.database.get_services())
        for service in (f"{PACKAGE}.Users", f"{PACKAGE}.Mailboxes", f"{PACKAGE}.Server", "grpc.health.v1.Health"):
            self.assertIn(service, services)

    def test_users_come_and_go(self):
        self.call("Users", "CreateUser", name="bo@example.org", password="one two three")
        self.call("Users", "CreateUser", name="bo", password="another")
        names = [user.name for user in self.call("Users", "ListUsers").users]
        self.assertEqual(names, ["ann", "bo", "bo@example.org"])
        first = self.call("Users", "ListUsers", page_size=2)
        rest = self.call("Users", "ListUsers", page_size=2, page_token=first.next_page_token)
        self.assertEqual([user.name for user in [*first.users, *rest.users]], names)
        self.call("Users", "SetPassword", name="bo", password="yet another")
        self.call("Users", "DeleteUser", name="bo@example.org")
        self.assertEqual(len(self.call("Users", "ListUsers").users), 2)

    def test_errors_have_the_right_codes(self):
        for code, method, fields in (
            (grpc.StatusCode.ALREADY_EXISTS, "CreateUser", {"name": "ann", "password": "x"}),
            (grpc.StatusCode.INVALID_ARGUMENT, "CreateUser", {"name": "a/b", "password": "x"}),
            (grpc.StatusCode.INVALID_ARGUMENT, "CreateUser", {"name": "", "password": "x"}),
            (grpc.StatusCode.NOT_FOUND, "DeleteUser", {"name": "nobody"}),
            (grpc.StatusCode.NOT_FOUND, "SetPassword", {"name": "nobody", "password": "x"}),
        ):
            with self.subTest(method=method, fields=fields), self.assertRaises(grpc.RpcError) as refused:
                self.call("Users", method, **fields)
            self.assertEqual(refused.exception.code(), code)

    def test_mailboxes_of_a_user(self):
        answer = self.call("Mailboxes", "ListMailboxes", user="ann")
        self.assertEqual(
            [mailbox.name for mailbox in answer.mailboxes], ["INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"]
        )
        self.assertTrue(all(mailbox.uid_validity and mailbox.uid_next == 1 for mailbox in answer.mailboxes))
